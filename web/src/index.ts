// The page: reads its own data, builds the viewer, and gives scripts a handle at `window.bimotion`.
import { Controls, type Actions } from "./controls";
import { MotionClip, type PageData } from "./data";
import { Player } from "./player";
import { ANGLES, Stage, type Angle, type View } from "./stage";
import style from "./style.css";
import type { ThemeName } from "./theme";

/** What tests and embedding pages drive the viewer with. */
export interface Handle {
  /** True once the first picture is drawn. */
  ready: boolean;
  /** Why there is no picture, or null. */
  error: string | null;
  play(): void;
  pause(): void;
  /** Pauses and draws an exact frame at once. */
  seek(frame: number): void;
  /** Changes options of the view: layout, follow, ghosts, trails, skeleton, theme, solo; or of playback: loop, speed. */
  set(options: Partial<Options>): void;
  look(angle: Angle): void;
  state(): Options & { frame: number; frames: number; fps: number; time: number; playing: boolean; clips: number };
}

interface Options extends View {
  loop: boolean;
  speed: number;
}

declare global {
  interface Window {
    bimotion: Handle;
  }
}

function remembered(): ThemeName {
  try {
    const theme = localStorage.getItem("bimotion-theme");
    if (theme === "light" || theme === "dark") return theme;
  } catch {
    // Pages opened from a disk may have no storage.
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function start(root: HTMLElement, data: PageData): Handle {
  const clips = data.clips.map((clip) => new MotionClip(clip));
  const longest = clips.reduce((a, b) => (b.duration > a.duration ? b : a));
  const player = new Player(longest.duration, longest.fps);
  const view: View = {
    overlay: data.layout === "overlay",
    solo: null,
    follow: false,
    ghosts: false,
    trails: true,
    skeleton: false,
    theme: remembered(),
  };
  let dirty = true;
  let angle: Angle = "three-quarter";

  const actions: Actions = {
    toggle: () => (player.playing ? player.pause() : player.play(), changed()),
    step: (frames) => (player.seek(player.frame + frames), changed()),
    seek: (frame) => (player.seek(frame), changed()),
    speed: (value) => ((player.speed = value), changed()),
    flip: (option) => {
      if (option === "loop") set({ loop: !player.loop });
      else set({ [option]: !view[option] });
    },
    theme: () => {
      set({ theme: view.theme === "dark" ? "light" : "dark" });
      try {
        localStorage.setItem("bimotion-theme", view.theme);
      } catch {
        // Not remembered, then.
      }
    },
    angle: () => {
      const names = Object.keys(ANGLES) as Angle[];
      look(names[(names.indexOf(angle) + 1) % names.length]);
    },
    reset: () => look("three-quarter"),
    solo: (clip) => set({ solo: clip }),
  };
  const controls = new Controls(root, data.title, clips, player, actions);
  const stage = new Stage(controls.canvas, clips, view);
  view.follow = stage.travels;

  function changed(): void {
    controls.show(view);
    dirty = true;
  }
  function look(from: Angle): void {
    angle = from;
    stage.look(from);
    controls.angleIs(from);
    dirty = true;
  }
  function fit(): void {
    const { clientWidth, clientHeight } = controls.area;
    if (clientWidth && clientHeight) controls.place(stage.layout(clientWidth, clientHeight), view);
    dirty = true;
  }
  function set(options: Partial<Options>): void {
    const { loop, speed, ...rest } = options;
    if (loop !== undefined) player.loop = loop;
    if (speed !== undefined) player.speed = speed;
    Object.assign(view, rest);
    stage.paint();
    fit();
    changed();
  }
  function draw(): void {
    stage.render(player.time, player.loop);
    dirty = false;
  }

  stage.controls.addEventListener("change", () => (dirty = true));
  new ResizeObserver(() => {
    fit();
    draw(); // a resized canvas is blank until drawn
  }).observe(controls.area);
  fit();
  look("three-quarter");
  if (data.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
  changed();
  draw();

  const frame = (now: number): void => {
    const wasPlaying = player.playing;
    if (player.tick(now)) {
      dirty = true;
      if (wasPlaying === player.playing) controls.tick();
      else controls.show(view);
    }
    if (dirty) draw();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);

  return {
    ready: true,
    error: null,
    play: () => (player.play(), changed()),
    pause: () => (player.pause(), changed()),
    seek: (to) => (player.seek(to), changed(), draw()),
    set: (options) => (set(options), draw()),
    look: (from) => (look(from), draw()),
    state: () => ({
      ...view,
      loop: player.loop,
      speed: player.speed,
      frame: player.frame,
      frames: player.lastFrame + 1,
      fps: player.fps,
      time: player.time,
      playing: player.playing,
      clips: clips.length,
    }),
  };
}

function main(): void {
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  const root = document.getElementById("bimotion") as HTMLElement;
  const block = document.getElementById("bimotion-data") as HTMLElement;
  try {
    window.bimotion = start(root, JSON.parse(block.textContent as string) as PageData);
  } catch (problem) {
    const reason = problem instanceof Error ? problem.message : String(problem);
    window.bimotion = { ready: false, error: reason } as Handle;
    const box = document.createElement("div");
    box.className = "trouble";
    box.setAttribute("role", "alert");
    box.textContent = `This motion cannot be shown: ${reason}. The page needs a browser with WebGL 2.`;
    root.className = "bm";
    root.replaceChildren(box);
    throw problem;
  }
}

main();
