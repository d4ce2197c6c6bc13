// What was made in this browser, and links that make it again.

/** What a link or an entry of the history restores. */
export interface Recipe {
  text: string;
  phrases: { text: string; seconds: number | null }[] | null;
  seconds: number | null;
  variants: number;
  seed: number | null;
  guidance: number | null;
  steps: number | null;
  /** Fingerprint of the model. */
  model: string;
}

const KEY = "bimotion-history";
const MOST = 50;

export function recipes(): Recipe[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter((each) => typeof each?.text === "string") : [];
  } catch {
    return []; // no storage, or written by something else
  }
}

/** Puts a recipe in front; what another tab has added meanwhile stays. */
export function remember(recipe: Recipe): void {
  const line = JSON.stringify(recipe);
  const rest = recipes().filter((each) => JSON.stringify(each) !== line);
  store([recipe, ...rest].slice(0, MOST));
}

export function forget(): void {
  store([]);
}

function store(list: Recipe[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // Full or forbidden: the history ends with the page.
  }
}

export function link(recipe: Recipe): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(recipe)) {
    if (value !== null && value !== "") query.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return `${location.origin}${location.pathname}#${query}`;
}

export function recipeOf(hash: string): Recipe | null {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name: string): number | null => {
    const value = Number(query.get(name) ?? NaN);
    return Number.isFinite(value) ? value : null;
  };
  let phrases: Recipe["phrases"] = null;
  try {
    const list: unknown = JSON.parse(query.get("phrases") ?? "null");
    if (Array.isArray(list) && list.every((each) => typeof each?.text === "string")) {
      phrases = list.map((each) => ({ text: each.text, seconds: typeof each.seconds === "number" ? each.seconds : null }));
    }
  } catch {
    return null;
  }
  if (!query.get("text") && !phrases) return null;
  return {
    text: query.get("text") ?? "",
    phrases,
    seconds: number("seconds"),
    variants: Math.min(Math.max(number("variants") ?? 1, 1), 4),
    seed: number("seed"),
    guidance: number("guidance"),
    steps: number("steps"),
    model: query.get("model") ?? "",
  };
}

export function title(recipe: Recipe): string {
  const words = recipe.phrases ? recipe.phrases.map((phrase) => phrase.text).join(" → ") : recipe.text;
  return `${words} (seed ${recipe.seed ?? "random"}${recipe.variants > 1 ? `, ${recipe.variants} variants` : ""})`;
}
