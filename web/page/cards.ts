// One card a motion: what the model says of it, what to doubt, and what can be done with it.
import type { Caption, Motion } from "./client";
import { action, make } from "./dom";

/** Names and units of files, by the program that opens them. */
export const PRESETS: Record<string, { names: string; unit: string }> = {
  "Blender": { names: "smpl", unit: "m" },
  "Maya, MotionBuilder": { names: "mixamo", unit: "cm" },
  "Unreal": { names: "unreal", unit: "cm" },
  "Unity": { names: "unity", unit: "m" },
  "VRM avatar": { names: "vrm", unit: "m" },
};

export interface Shown {
  motion: Motion;
  title: string;
  caption?: Caption;
}

export interface CardActions {
  pick(index: number): void;
  save(motion: Motion, query: URLSearchParams): void;
  caption(index: number): void;
  extend(index: number): void;
  between(index: number): void;
  link: (() => void) | null;
}

export function card(shown: Shown, index: number, count: number, actions: CardActions, first: boolean): HTMLElement {
  const { motion } = shown;
  const box = make("article", { className: "result" });
  box.dataset.id = motion.id;
  box.append(make("h2", {}, shown.title));
  const seed = motion.seed === null ? "" : ` · seed ${motion.seed}`;
  box.append(make("p", { className: "soft" }, `${motion.seconds.toFixed(2)} s · ${motion.frames} frames${seed}`));
  if (motion.new_from !== null && motion.new_to !== null) {
    const span = `${motion.new_from.toFixed(2)} to ${motion.new_to.toFixed(2)} s`;
    box.append(make("p", { className: "soft" }, `New motion: ${span}`));
  }
  box.append(...words(shown));
  const row = make("div", { className: "row" });
  if (count > 1) row.append(action("Pick", () => actions.pick(index), "Show this one alone"));
  if (motion.caption === null && !shown.caption) row.append(action("Caption", () => actions.caption(index)));
  row.append(action("Continue", () => actions.extend(index), "Add two seconds"));
  row.append(action(first ? "Fill between: last" : "Fill between: first", () => actions.between(index)));
  if (actions.link) row.append(action("Copy link", actions.link));
  box.append(row, downloads(motion, actions));
  return box;
}

function words(shown: Shown): HTMLElement[] {
  const { motion } = shown;
  const lines: HTMLElement[] = [];
  if (motion.caption !== null) lines.push(make("p", {}, `Caption: ${motion.caption || "no words"}`));
  const doubts = [...motion.warnings];
  if (motion.score !== null && !doubts.length) {
    lines.push(make("p", { className: "soft" }, `Match with the sentence: ${motion.score.toFixed(2)}`));
  }
  for (const doubt of doubts) lines.push(make("p", { className: "doubt" }, `⚠ ${doubt}`));
  if (motion.phrases) lines.push(spanList(motion.phrases));
  if (shown.caption) {
    lines.push(make("p", {}, `Caption: ${shown.caption.caption || "no words"}`));
    if (shown.caption.spans.length > 1) lines.push(spanList(shown.caption.spans));
  }
  return lines;
}

function spanList(spans: { start: number; end: number; text: string }[]): HTMLElement {
  const line = (span: { start: number; end: number; text: string }): HTMLElement =>
    make("li", {}, `${span.start.toFixed(1)}–${span.end.toFixed(1)} s: ${span.text}`);
  return make("ul", {}, ...spans.map(line));
}

function downloads(motion: Motion, actions: CardActions): HTMLElement {
  const preset = make("select", {}, ...Object.keys(PRESETS).map((name) => make("option", {}, name)));
  preset.setAttribute("aria-label", "Names and units for");
  const row = make("div", { className: "row" }, preset);
  for (const format of ["bvh", "glb", "npz", "mp4", "gif"]) {
    const save = (): void => {
      const query = new URLSearchParams({ format });
      const { names, unit } = PRESETS[preset.value];
      if (format === "bvh" || format === "glb") query.set("names", names);
      if (format === "bvh") query.set("unit", unit);
      actions.save(motion, query);
    };
    const button = action(format.toUpperCase(), save);
    button.setAttribute("aria-label", `Download ${format.toUpperCase()}`);
    row.append(button);
  }
  return row;
}
