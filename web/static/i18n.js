// The page's words: they come with the page, in the language somebody chose or their browser asks for.

const words = JSON.parse(document.getElementById('page-words').textContent);
const COOKIE = 'limner-language';
const YEAR_S = 31536000;

/** Return the words of a key, with what belongs into its blanks such as {count}. */
export function t(key, blanks = {}) {
  const text = words[key];
  if (text === undefined) throw new Error(`There are no words for ${key}.`);
  return text.replace(/\{(\w+)\}/g, (blank, name) => String(blanks[name] ?? blank));
}

/** Return the words of a key where it has some. */
export const maybe = (key) => words[key] ?? null;

/** Return numbers and times as they are written in the language of the page. */
export const language = document.documentElement.lang;

/** Let somebody choose the language; the page is loaded anew in it. */
export function choosing(select) {
  select.addEventListener('change', () => {
    document.cookie = `${COOKIE}=${select.value}; path=/; max-age=${YEAR_S}; samesite=strict`;
    window.location.reload();
  });
}
