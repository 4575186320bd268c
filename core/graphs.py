"""ComfyUI's graphs: from the node that saves back to the first sampler, and from there to what decided the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.brought import KARRAS, Brought, left_out, named, object_in, real_number, text_of, whole

MOST_NODES = 5000
DEEPEST = 64
"""So many links are followed in one direction."""

WIDGETS: Mapping[str, tuple[str, ...]] = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": ("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler", "start_at_step"),
    "SamplerCustom": ("add_noise", "noise_seed", "", "cfg"),
    "RandomNoise": ("noise_seed",),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "CFGGuider": ("cfg",),
    "CLIPTextEncode": ("text",),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "LoraLoader": ("lora_name", "strength_model"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
}
"""The names behind the values of a node in a `workflow`, which tells the values alone; "" is of no use here."""

MODELS = ("ckpt_name", "unet_name", "model_name")
JOINED = ("conditioning", "conditioning_1", "conditioning_2", "conditioning_to", "conditioning_from")
PLAIN = frozenset({"", "normal", "simple", "ddim_uniform", "sgm_uniform", "uniform"})


@dataclass(frozen=True, slots=True)
class Node:
    """One node: what it is and its inputs; a link is [id of another node, slot]."""

    id: str
    kind: str
    inputs: Mapping[str, Any]


class Graph:
    """Hold nodes by id and follow links; a circle, or a link to nowhere, ends there."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes

    def back(self, node: Node, name: str) -> Node | None:
        """Return the node an input is linked to."""
        link = node.inputs.get(name)
        return self._nodes.get(str(link[0])) if isinstance(link, list) and link else None

    def value(self, node: Node, *names: str) -> object:
        """Return the first input of these names as a plain value, through nodes that only hold one."""
        for name in names:
            here, key = node, name
            for _ in range(DEEPEST):
                found = here.inputs.get(key)
                if found is not None and not isinstance(found, list | dict):
                    return found
                linked = self.back(here, key)
                if linked is None:
                    break
                plain = [k for k, v in linked.inputs.items() if isinstance(v, int | float | str)]
                here, key = linked, key if key in linked.inputs else (plain or list(linked.inputs) or [""])[0]
        return None

    def before(self, node: Node, *names: str) -> Iterator[Node]:
        """Yield the nodes behind some inputs (of all where none is named), nearest first, each once."""
        row, seen = [node], {node.id}
        for _ in range(DEEPEST):
            ahead = []
            for each in row:
                for name in names or tuple(each.inputs):
                    found = self.back(each, name)
                    if found is not None and found.id not in seen:
                        seen.add(found.id)
                        ahead.append(found)
                        yield found
            row = ahead

    def sampler(self) -> tuple[Node, int] | None:
        """Return the first pass of what was saved, and how many passes follow it."""
        ends = [node for node in self._nodes.values() if "save" in node.kind.lower() or "preview" in node.kind.lower()]
        for start in ends or list(self._nodes.values())[:1]:
            passes = [node for node in self.before(start) if _samples(node)]
            if passes:
                return passes[-1], len(passes) - 1
        found = [node for node in self._nodes.values() if _samples(node)]
        return (found[0], 0) if found else None


def read(texts: Mapping[str, str]) -> Brought | None:
    """Read the chunks `prompt` or `workflow`; None where neither is a graph with a sampler."""
    graph = _asked(object_in(texts.get("prompt"))) or _drawn(object_in(texts.get("workflow")))
    found = graph.sampler() if graph else None
    if graph is None or found is None:
        return None
    sampler, later = found
    about = [sampler, *filter(None, (graph.back(sampler, name) for name in ("noise", "guider", "sampler", "sigmas")))]

    def told(*names: str) -> object:
        return next((v for v in (graph.value(node, *names) for node in about) if v is not None), None)

    latent = list(graph.before(sampler, "latent_image", "samples", "latent", "pixels", "image"))
    empty = next((node for node in latent if {"width", "height"} <= set(node.inputs) and _is_empty(node)), None)
    began = empty is None and any("encode" in node.kind.lower() for node in latent)
    positive, first = _words(graph, about, ("positive", "conditioning"))
    negative, second = _words(graph, about, ("negative",))
    guidance = told("cfg")
    schedule = text_of(told("scheduler"))
    chain = [node for each in about for node in graph.before(each, "model", "clip")] + first + second
    strength = real_number(told("denoise"))
    batch = whole(graph.value(empty, "batch_size")) if empty else None
    return Brought(
        "ComfyUI",
        positive,
        negative,
        whole(told("seed", "noise_seed")),
        whole(told("steps")),
        real_number(guidance if guidance is not None else _flux(graph, first)),
        text_of(told("sampler_name")).removesuffix("_gpu"),
        KARRAS if schedule == KARRAS else "" if schedule in PLAIN else schedule,
        whole(graph.value(empty, "width")) if empty else None,
        whole(graph.value(empty, "height")) if empty else None,
        strength if began else None,
        named(_first(graph, chain, MODELS)),
        "",
        _clip_skip(_first(graph, chain, ("stop_at_clip_layer",))),
        from_image=began,
        lost=(
            *left_out("The LoRA", (named(graph.value(node, "lora_name")) for node in chain if _is_lora(node))),
            *(("The ControlNet is left out.",) if any("controlnet" in n.kind.lower() for n in chain) else ()),
            *((f"It was painted in {later + 1} passes; the first one is taken.",) if later else ()),
            *((f"It may be any of the {batch} of its batch.",) if batch and batch > 1 else ()),
            *(("Its steps began or ended in the middle.",) if whole(told("start_at_step")) else ()),
        ),
    )


def _asked(data: Mapping[str, Any] | None) -> Graph | None:
    """Return the graph as it was asked for: {id: {class_type, inputs}}."""
    if not data or len(data) > MOST_NODES:
        return None
    nodes = {
        str(key): Node(str(key), str(each["class_type"]), each["inputs"])
        for key, each in data.items()
        if isinstance(each, dict) and "class_type" in each and isinstance(each.get("inputs"), dict)
    }
    return Graph(nodes) if nodes else None


def _drawn(data: Mapping[str, Any] | None) -> Graph | None:
    """Return the graph as it was drawn on the screen: nodes with values, and links apart."""
    drawn, links = (data or {}).get("nodes"), (data or {}).get("links")
    if not isinstance(drawn, list) or not isinstance(links, list) or len(drawn) > MOST_NODES:
        return None
    ends = {str(link[0]): [str(link[1]), link[2]] for link in links if isinstance(link, list) and len(link) >= 5}
    nodes = {}
    for each in drawn:
        if not isinstance(each, dict) or each.get("mode") in (2, 4):
            continue
        kind = str(each.get("type", ""))
        values = each.get("widgets_values")
        inputs: dict[str, Any] = {}
        if isinstance(values, dict):
            inputs |= values
        elif isinstance(values, list):
            inputs |= {name: value for name, value in zip(WIDGETS.get(kind, ()), values, strict=False) if name}
        plugs = each.get("inputs")
        for plug in plugs if isinstance(plugs, list) else ():
            if isinstance(plug, dict) and str(plug.get("link")) in ends:
                inputs[str(plug.get("name"))] = ends[str(plug["link"])]
        nodes[str(each.get("id"))] = Node(str(each.get("id")), kind, inputs)
    return Graph(nodes) if nodes else None


def _samples(node: Node) -> bool:
    named_so = {"steps", "sigmas"} & set(node.inputs) and {"cfg", "guider"} & set(node.inputs)
    return bool(named_so) and bool({"latent_image", "samples", "latent", "positive", "guider"} & set(node.inputs))


def _is_empty(node: Node) -> bool:
    return "empty" in node.kind.lower() or not {"pixels", "samples", "image"} & set(node.inputs)


def _is_lora(node: Node) -> bool:
    return "lora_name" in node.inputs


def _words(graph: Graph, about: list[Node], names: tuple[str, ...]) -> tuple[str, list[Node]]:
    """Return the words of all text encoders behind some inputs, and the nodes on the way to them."""
    start = next((node for node in about if any(graph.back(node, name) for name in names)), None)
    if start is None:
        return "", []
    linked = next(node for node in (graph.back(start, name) for name in names) if node is not None)
    # A node that takes both sides goes on with the same one.
    way = [linked, *graph.before(linked, *JOINED, names[0], "clip")]
    found = [graph.value(node, "text", "text_g", "clip_l", "t5xxl", "prompt") for node in way]
    return ", ".join(dict.fromkeys(text_of(words).strip() for words in found if text_of(words).strip())), way


def _flux(graph: Graph, way: list[Node]) -> object:
    return next((value for value in (graph.value(node, "guidance") for node in way) if value is not None), None)


def _first(graph: Graph, nodes: list[Node], names: tuple[str, ...]) -> object:
    return next((value for value in (graph.value(node, *names) for node in nodes) if value is not None), None)


def _clip_skip(value: object) -> int:
    """Return how many last layers are left out: -1 is none, -2 one."""
    return max(-(whole(value) or -1) - 1, 0)
