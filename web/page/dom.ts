// Elements by id and by description; text is only ever set as text.

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

type Child = Node | string | null;

/** An element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child): child is Node | string => child !== null));
  return element;
}

export function action(label: string, run: () => void, title = ""): HTMLButtonElement {
  const button = make("button", { type: "button", title }, label);
  button.addEventListener("click", run);
  return button;
}

/** The number in a field; null where it is empty. */
export function numberIn(id: string): number | null {
  const text = byId<HTMLInputElement>(id).value.trim();
  return text === "" ? null : Number(text);
}

export function setNumber(id: string, value: number | null | undefined): void {
  byId<HTMLInputElement>(id).value = value === null || value === undefined ? "" : String(value);
}
