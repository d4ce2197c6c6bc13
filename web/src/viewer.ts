// The viewer: builds the 3D view and its controls in an element, and gives scripts a handle.
import { Controls, type Actions } from "./controls";
import { MotionClip, type PageData } from "./data";
import { Player } from "./player";
import { ANGLES, Stage, type Angle, type View } from "./stage";
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
  /** Changes options of the view: layout, follow, ghosts, trails, contacts, skeleton, theme, solo; or of playback: loop, speed. */
  set(options: Partial<Options>): void;
  look(angle: Angle): void;
  /** Takes the viewer out of the page. */
  dispose(): void;
  state(): Options & { frame: number; frames: number; fps: number; time: number; playing: boolean; clips: number };
}

interface Options extends View {
  loop: boolean;
  speed: number;
}

/** How the viewer is built into a page that has more than it. */
export interface Setting {
  /** The viewer is a part of the page: no landmarks and no heading of its own. */
  embedded?: boolean;
  /** Called when the reader changes between light and dark. */
  onTheme?(theme: ThemeName): void;
}

export function remembered(): ThemeName {
  try {
    const theme = localStorage.getItem("bimotion-theme");
    if (theme === "light" || theme === "dark") return theme;
  } catch {
    // Pages opened from a disk may have no storage.
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function mount(root: HTMLElement, data: PageData, setting: Setting = {}): Handle {
  const clips = data.clips.map((clip) => new MotionClip(clip));
  const longest = clips.reduce((a, b) => (b.duration > a.duration ? b : a));
  const player = new Player(longest.duration, longest.fps);
  const view: View = {
    overlay: data.layout === "overlay",
    solo: null,
    follow: false,
    ghosts: false,
    trails: true,
    contacts: setting.embedded ?? false,
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
      setting.onTheme?.(view.theme);
    },
    angle: () => {
      const names = Object.keys(ANGLES) as Angle[];
      look(names[(names.indexOf(angle) + 1) % names.length]);
    },
    reset: () => look("three-quarter"),
    solo: (clip) => set({ solo: clip }),
  };
  const controls = new Controls(root, data.title, clips, player, actions, setting.embedded ?? false);
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
  const sizes = new ResizeObserver(() => {
    fit();
    draw(); // a resized canvas is blank until drawn
  });
  sizes.observe(controls.area);
  fit();
  look("three-quarter");
  if (data.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
  changed();
  draw();

  let gone = false;
  const frame = (now: number): void => {
    if (gone) return;
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
    dispose: () => {
      gone = true;
      sizes.disconnect();
      controls.dispose();
      stage.dispose();
      root.replaceChildren();
    },
  };
}

