// The page of `bimotion serve`.
import type { Handle, mount, remembered } from "../src/viewer";
import { card, type Shown } from "./cards";
import type { Character } from "./character";
import { Client, download, Refused, type Capabilities, type Caption, type Found, type Motion, type Motions } from "./client";
import { action, byId, make, numberIn, setNumber } from "./dom";
import { forget, link, recipeOf, recipes, remember, title, type Recipe } from "./history";
import { Phrases } from "./phrases";

declare global {
  interface Window {
    bimotion: Handle;
    bimotionViewer: { mount: typeof mount; theme: typeof remembered };
    bimotionCharacterShown: Character | null;
  }
}

const EXAMPLES = [
  "a person sits down",
  "a person crawls",
  "a person walks forward",
  "a person jumps up",
  "a person kicks with the left leg",
  "a person raises the right arm",
];

const client = new Client(askToken);
let capabilities: Capabilities | null = null;
let shown: Shown[] = [];
let viewer: Handle | null = null;
let picked: number | null = null;
let recipe: Recipe | null = null;
let first: Motion | null = null; // what "fill between" starts from
let stop: AbortController | null = null;
let character: Character | null = null;

const text = byId<HTMLTextAreaElement>("text");
const phrases = new Phrases(byId("phrases"), phrasesChanged, () => capabilities?.limits.max_new_seconds ?? 60);

function phrasesChanged(): void {
  const several = phrases.list.length > 0;
  text.hidden = byId("examples").hidden = several;
  (document.querySelector('label[for="text"]') as HTMLElement).hidden = several;
  for (const id of ["seconds", "variants"]) (byId(id).closest("label") as HTMLElement).hidden = several;
  byId("go").textContent = several ? "Compose" : "Generate";
}

async function askToken(): Promise<string> {
  const dialog = byId<HTMLDialogElement>("secret");
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return byId<HTMLInputElement>("token").value;
}

/** Tells a screen reader. */
function speak(words: string): void {
  byId("spoken").textContent = words;
}

function complain(problem: unknown, again: (() => void) | null): void {
  const box = byId("problem");
  if (problem instanceof Refused && problem.code === "cancelled") {
    speak("Cancelled.");
    return;
  }
  box.replaceChildren(problem instanceof Error ? problem.message : String(problem));
  if (again) box.append(action("Try again", again));
  box.hidden = false;
  if (!(problem instanceof Refused)) throw problem;
}

/** Runs something that takes a while: progress after a moment, a button that cancels it, and what went wrong. */
async function busy(what: string, work: (signal: AbortSignal, on: (d: number, t: number) => void) => Promise<void>): Promise<void> {
  stop?.abort();
  const own = (stop = new AbortController());
  byId("problem").hidden = true;
  const bar = byId<HTMLProgressElement>("bar");
  bar.removeAttribute("value");
  byId("doing").textContent = `${what} …`;
  byId("work").hidden = false;
  byId<HTMLButtonElement>("go").disabled = true;
  speak(`${what}.`);
  try {
    await work(own.signal, (done, total) => {
      if (total > 1) bar.value = done / total;
    });
  } catch (problem) {
    complain(problem, () => void busy(what, work));
  } finally {
    if (stop === own) {
      byId("work").hidden = true;
      byId<HTMLButtonElement>("go").disabled = false;
      stop = null;
    }
  }
}

function recipeInForm(): Recipe {
  return {
    text: text.value.trim(),
    phrases: phrases.list.length ? phrases.list.map((phrase) => ({ ...phrase })) : null,
    seconds: numberIn("seconds"),
    variants: Number(byId<HTMLSelectElement>("variants").value),
    seed: numberIn("seed"),
    guidance: numberIn("guidance"),
    steps: numberIn("steps"),
    model: capabilities?.model.fingerprint ?? "",
  };
}

/** Puts a recipe into the form. */
function fill(from: Recipe): void {
  text.value = from.text;
  phrases.set(from.phrases ?? []);
  for (const name of ["seconds", "seed", "guidance", "steps"] as const) setNumber(name, from[name]);
  byId<HTMLSelectElement>("variants").value = String(from.variants);
}

async function generate(request: Recipe): Promise<void> {
  if (!request.phrases && !request.text) {
    complain(new Refused("empty", "Type what the person does, or choose an example."), null);
    text.focus();
    return;
  }
  await busy(request.phrases ? "Composing" : "Generating", async (signal, on) => {
    const sampling = { seed: request.seed, guidance_scale: request.guidance, steps: request.steps };
    const { text, phrases, seconds, variants } = request;
    const answer = phrases
      ? await client.run<Motions>("compose", { phrases, ...sampling }, signal, on)
      : await client.run<Motions>("generate", { text, seconds, variants, exact: true, ...sampling }, signal, on);
    const before = request.model;
    recipe = { ...request, seed: answer.settings.seed as number, model: answer.model.fingerprint };
    remember(recipe);
    listHistory();
    history.replaceState(null, "", link(recipe));
    const name = (i: number): string => (answer.motions.length > 1 ? `Variant ${i + 1}` : "Motion");
    show(answer.motions.map((motion, i) => ({ motion, title: `${name(i)}: ${motion.text}` })));
    if (before && before !== answer.model.fingerprint) {
      complain(new Refused("model", "This link was made with another model: the motion differs."), null);
    }
  });
}

/** Plays motions, and lists them below. */
function show(list: Shown[]): void {
  shown = list;
  picked = null;
  viewer?.dispose();
  const root = byId("viewer");
  const inner = make("div");
  root.replaceChildren(inner);
  const clips = list.map(({ motion }, i) => ({ ...motion.view, name: list.length > 1 ? `${i + 1}` : motion.view.name, files: {} }));
  try {
    viewer = window.bimotion = window.bimotionViewer.mount(
      inner,
      { title: "", clips, layout: "split", autoplay: true },
      { embedded: true, onTheme: paint },
    );
  } catch {
    root.replaceChildren("This browser cannot show 3D (WebGL 2 is missing); files can be downloaded below.");
  }
  listCards();
  if (root.getBoundingClientRect().top > innerHeight / 2) root.scrollIntoView(); // on a phone it is below the form
  speak(`${list.length} ${list.length > 1 ? "motions" : "motion"}. ${list.map((each) => each.motion.caption ?? "").join(" ")}`);
}

function listCards(): void {
  const actions = {
    pick: (index: number) => {
      picked = picked === index ? null : index;
      viewer?.set({ solo: picked });
      listCards();
    },
    save: (motion: Motion, query: URLSearchParams) =>
      void busy(`Writing ${query.get("format")?.toUpperCase()}`, () => client.save(`/motions/${motion.id}/file?${query}`)),
    caption: (index: number) => void caption(index),
    extend: (index: number) => void extend(index),
    between: (index: number) => void between(index),
    link: recipe
      ? () => {
          void navigator.clipboard.writeText(link(recipe as Recipe)).then(
            () => speak("Link copied."),
            () => complain(new Refused("clipboard", "The browser refused; copy the address of the page instead."), null),
          );
        }
      : null,
  };
  const cards = shown.map((each, i) => card(each, i, shown.length, actions, first !== null));
  cards.forEach((each, i) => each.classList.toggle("picked", i === picked));
  byId("cards").replaceChildren(...cards);
}

async function caption(index: number): Promise<void> {
  const each = shown[index];
  await busy("Captioning", async (signal, on) => {
    each.caption = await client.run<Caption>("caption", { motion: { id: each.motion.id } }, signal, on);
    listCards();
    speak(each.caption.caption);
  });
}

async function extend(index: number): Promise<void> {
  const { motion, title } = shown[index];
  await busy("Continuing", async (signal, on) => {
    const answer = await client.run<Motions>("predict", { motion: { id: motion.id }, seconds: 2 }, signal, on);
    recipe = null;
    show([{ motion: answer.motions[0], title: `Continued: ${title}` }]);
  });
}

async function between(index: number): Promise<void> {
  const { motion } = shown[index];
  if (first === null) {
    first = motion;
    listCards();
    speak("This is the first motion. Choose the last one: generate it, or drop a file.");
    return;
  }
  const request = { first: { id: first.id }, last: { id: motion.id }, seconds: 1 };
  first = null;
  await busy("Filling between", async (signal, on) => {
    const answer = await client.run<Motions>("inbetween", request, signal, on);
    recipe = null;
    show([{ motion: answer.motions[0], title: "Two motions, joined" }]);
  });
}

/** A file that was dropped or chosen. One that may be a character as well is asked about. */
function take(file: File): void {
  const choice = byId("choice");
  choice.hidden = true;
  if (/\.(glb|gltf|vrm)$/i.test(file.name) && shown.length) {
    const close = (run: () => Promise<void>) => () => ((choice.hidden = true), void run());
    choice.replaceChildren(
      action("Read its motion", close(() => read(file))),
      action("Put the motion on this character", close(() => wear(file))),
    );
    choice.hidden = false;
    return;
  }
  void read(file);
}

async function read(file: File): Promise<void> {
  const most = capabilities?.limits.max_upload_bytes ?? Infinity;
  if (file.size > most) {
    complain(new Refused("too_large", `${file.name}: expected at most ${(most / 1e6).toFixed(0)} MB`), null);
    return;
  }
  await busy(`Reading ${file.name}`, async (signal, on) => {
    const motion = await client.upload(file);
    recipe = null;
    show([{ motion, title: motion.name }]);
    shown[0].caption = await client.run<Caption>("caption", { motion: { id: motion.id } }, signal, on);
    listCards();
    speak(shown[0].caption.caption);
  });
}

async function wear(file: File): Promise<void> {
  await busy(`Putting the motion on ${file.name}`, async () => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let binary = "";
    for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
    const motion = shown[picked ?? 0].motion;
    const body = JSON.stringify({ motions: [{ id: motion.id }], character: { name: file.name, data: btoa(binary) } });
    const worn = await client.file("/retarget", { method: "POST", headers: { "content-type": "application/json" }, body });
    await showCharacter(worn);
  });
}

/** Plays a character below the viewer. */
async function showCharacter(file: File): Promise<void> {
  if (!window.bimotionCharacter) await import("/static/character.js" as string);
  const section = byId("character");
  section.hidden = false;
  const stage = make("div", { className: "stage" });
  const plays = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const play = action(plays ? "Pause" : "Play", () => (play.textContent = character?.toggle() ? "Pause" : "Play"));
  const close = action("Close", () => {
    character?.dispose();
    character = window.bimotionCharacterShown = null;
    section.hidden = true;
  });
  const row = make("div", { className: "row" }, play, action("Download", () => download(file)), close);
  section.replaceChildren(make("h2", {}, file.name), stage, row);
  character?.dispose();
  character = window.bimotionCharacterShown = await window.bimotionCharacter.show(stage, await file.arrayBuffer(), plays);
  section.scrollIntoView({ block: "nearest" });
  speak(`The motion is on the character: ${character.seconds.toFixed(1)} seconds.`);
}

async function search(query: string): Promise<void> {
  await busy("Searching", async (signal, on) => {
    const found = await client.run<Found>("search", { text: query, count: 4 }, signal, on);
    if (!found.hits.length) {
      complain(new Refused("nothing", "Nothing was found. Try other words."), null);
      return;
    }
    recipe = null;
    show(
      found.hits.map((hit) => ({
        motion: hit.motion,
        title: `${hit.name}, ${hit.start.toFixed(1)}–${hit.end.toFixed(1)} s (${found.calibrated ? "probability" : "cosine"} ${hit.score.toFixed(2)})`,
      })),
    );
  });
}

function listHistory(): void {
  const items = recipes().map((each) => {
    const restore = (): void => {
      fill(each);
      void generate(each);
    };
    return make("li", {}, action(title(each), restore, title(each)));
  });
  byId("history").replaceChildren(...items);
  byId("forget").hidden = !items.length;
}

function paint(theme: "light" | "dark"): void {
  document.documentElement.dataset.theme = theme;
}

function listen(): void {
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    void generate(recipeInForm());
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      byId<HTMLFormElement>("form").requestSubmit();
    }
  });
  byId("examples").append(
    ...EXAMPLES.map((example) =>
      action(example, () => {
        text.value = example;
        byId<HTMLFormElement>("form").requestSubmit();
      }),
    ),
  );
  byId("add").addEventListener("click", () => {
    if (!phrases.list.length) phrases.set([{ text: text.value.trim() || EXAMPLES[0], seconds: numberIn("seconds") }]);
    phrases.add("");
  });
  byId("cancel").addEventListener("click", () => stop?.abort());
  byId("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = byId<HTMLInputElement>("query").value.trim();
    if (query) void search(query);
  });
  byId("forget").addEventListener("click", () => (forget(), listHistory()));
  byId("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    paint(theme);
    viewer?.set({ theme });
    localStorage.setItem("bimotion-theme", theme);
  });
  addEventListener("storage", listHistory); // another tab
  const file = byId<HTMLInputElement>("file");
  file.addEventListener("change", () => {
    if (file.files?.length) take(file.files[0]);
    file.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"] as const) {
    addEventListener(name, (event) => {
      event.preventDefault();
      byId("drop").classList.toggle("over", name === "dragover");
      const dropped = name === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (dropped) take(dropped);
    });
  }
}

/** Waits for the model, then says what it can do. */
async function greet(): Promise<void> {
  byId("model").textContent = "The model is being loaded …";
  for (;;) {
    try {
      capabilities = await client.json<Capabilities>("/capabilities");
      break;
    } catch (problem) {
      if (problem instanceof Refused && problem.code === "not_ready") {
        await new Promise((resolve) => setTimeout(resolve, 500));
        continue;
      }
      byId("model").textContent = "";
      complain(problem, () => ((byId("problem").hidden = true), void greet()));
      return;
    }
  }
  const { model, library, min_seconds, max_seconds } = capabilities;
  byId("model").textContent = `model ${model.name}, ${model.fingerprint}`;
  byId("find").hidden = !library;
  Object.assign(byId("seconds"), { min: String(min_seconds), max: String(max_seconds), title: `${min_seconds} to ${max_seconds}` });
  const linked = recipeOf(location.hash);
  if (linked) {
    fill(linked);
    await generate(linked);
  }
}

paint(window.bimotionViewer.theme());
byId("viewer").textContent = "Type a sentence, choose an example, or drop a motion file.";
listen();
listHistory();
void greet();
