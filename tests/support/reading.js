// What a reader of the page may miss: controls without a name, images without words, text too faint to read.
() => {
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !node.closest('[aria-hidden=true]');
  const colour = (text) => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, band) => value * a + under[band] * (1 - a));
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.unshift(colour(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, layer) => over(layer, under), colour(getComputedStyle(document.documentElement).colorScheme.includes('dark')
      && matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(0,0,0)' : 'rgb(255,255,255)'));
  };
  const light = (bands) => bands.map((value) => value / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, band) => sum + value * [0.2126, 0.7152, 0.0722][band], 0);
  const told = (node) => `${node.tagName.toLowerCase()}.${node.className} "${(node.textContent ?? '').trim().slice(0, 30)}"`;
  const problems = [];
  for (const node of document.querySelectorAll('a[href], button, input, select, textarea, dialog[open], [role=listbox], [role=radiogroup], [role=group], canvas, article, nav')) {
    if (!seen(node)) continue;
    const by = node.getAttribute('aria-labelledby');
    const name = node.getAttribute('aria-label') || (by && document.getElementById(by)?.textContent) || [...(node.labels ?? [])].map((each) => each.textContent).join('')
      || (/^(A|BUTTON)$/.test(node.tagName) ? node.textContent.trim() || node.title || node.querySelector('img')?.alt : '');
    if (!name) problems.push(`no name: ${told(node)}`);
  }
  for (const image of document.images) if (seen(image) && !image.alt) problems.push(`no words: ${image.src}`);
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  problems.push(...ids.filter((id, nth) => ids.indexOf(id) !== nth).map((id) => `twice: #${id}`));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !seen(node) || node.closest('script, :disabled, option, noscript')) continue;
    const under = ground(node);
    const [one, other] = [light(over(colour(getComputedStyle(node).color), under)), light(under)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) problems.push(`faint ${ratio.toFixed(2)}: ${told(node)}`);
  }
  return [...new Set(problems)];
}
