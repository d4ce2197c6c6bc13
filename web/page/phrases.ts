// Phrases on a timeline: drag an edge to change a length, double-click to edit, and the same by keyboard in a list.
import { action, make } from "./dom";

export interface Phrase {
  text: string;
  seconds: number | null;
}

const GUESS = 3; // seconds that a phrase without a length is drawn with

export class Phrases {
  list: Phrase[] = [];
  private readonly bar = make("div", { className: "timeline" });

  constructor(
    private readonly root: HTMLElement,
    private readonly onChange: () => void,
    private readonly longest: () => number,
  ) {}

  /** Replaces all phrases. */
  set(list: Phrase[]): void {
    this.list = list.map((phrase) => ({ ...phrase }));
    this.draw();
  }

  add(text: string): void {
    this.list.push({ text, seconds: null });
    this.draw();
    const inputs = this.root.querySelectorAll<HTMLInputElement>(".phrase input[type=text]");
    inputs[inputs.length - 1].focus();
  }

  private remove(index: number): void {
    this.list.splice(index, 1);
    this.draw();
  }

  private draw(): void {
    this.root.hidden = !this.list.length;
    this.bar.setAttribute("role", "group");
    this.bar.setAttribute("aria-label", "Timeline");
    this.drawBar();
    this.root.replaceChildren(this.bar, ...this.list.map((phrase, index) => this.line(phrase, index)));
    this.onChange();
  }

  /** The bar alone: the fields stay, with the cursor in them. */
  private drawBar(): void {
    this.bar.replaceChildren(...this.list.map((phrase, index) => this.block(phrase, index)));
  }

  /** A phrase on the bar. */
  private block(phrase: Phrase, index: number): HTMLElement {
    const block = make("div");
    const name = make("button", { type: "button", className: "name", title: "Double-click to edit; Delete removes" });
    const edge = make("span", { className: "edge" });
    const show = (): void => {
      block.style.flexGrow = String(phrase.seconds ?? GUESS);
      name.textContent = `${phrase.text || "…"} · ${phrase.seconds === null ? "auto" : `${phrase.seconds} s`}`;
    };
    show();
    name.addEventListener("dblclick", () => this.edit(index));
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.edit(index);
      else if (event.key === "Delete") this.remove(index);
      else return;
      event.preventDefault();
    });
    edge.addEventListener("pointerdown", (event) => {
      const perPixel = (phrase.seconds ?? GUESS) / block.getBoundingClientRect().width;
      const from = phrase.seconds ?? GUESS;
      edge.setPointerCapture(event.pointerId);
      edge.onpointermove = (move) => {
        const seconds = from + (move.clientX - event.clientX) * perPixel;
        phrase.seconds = Math.round(Math.min(Math.max(seconds, 1), this.longest()) * 2) / 2;
        show();
      };
      edge.onpointerup = () => {
        edge.onpointermove = edge.onpointerup = null;
        this.draw();
      };
    });
    block.append(name, edge);
    return block;
  }

  private edit(index: number): void {
    this.root.querySelectorAll<HTMLInputElement>(".phrase input[type=text]")[index].select();
  }

  /** A phrase as fields. */
  private line(phrase: Phrase, index: number): HTMLElement {
    const text = make("input", { type: "text", value: phrase.text, maxLength: 1000 });
    text.setAttribute("aria-label", `Phrase ${index + 1}`);
    const seconds = make("input", { type: "number", min: "0.5", step: "0.5", placeholder: "auto" });
    seconds.setAttribute("aria-label", `Seconds of phrase ${index + 1}`);
    seconds.value = phrase.seconds === null ? "" : String(phrase.seconds);
    text.addEventListener("input", () => ((phrase.text = text.value), this.drawBar()));
    seconds.addEventListener("input", () => ((phrase.seconds = seconds.value ? Number(seconds.value) : null), this.drawBar()));
    const remove = action("✕", () => this.remove(index));
    remove.setAttribute("aria-label", `Remove phrase ${index + 1}`);
    return make("div", { className: "phrase" }, text, seconds, remove);
  }
}
