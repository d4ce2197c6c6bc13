// Colours of the drawn scene; those of the controls stand in style.css.
import type { BodyColours } from "./body";

export interface Theme {
  body: BodyColours;
  ink: string;
  shade: number;
  /** What ghosts fade towards. */
  ground: string;
  sky: string;
  bounce: string;
  sun: number;
  ambient: number;
}

export type ThemeName = "light" | "dark";

export const THEMES: Record<ThemeName, Theme> = {
  light: {
    body: { left: "#2f7ae5", right: "#ee6c2c", torso: "#d5dae2", head: "#e6e9ee", visor: "#252c39" },
    ink: "#5b6b82",
    shade: 0.22,
    ground: "#e9edf2",
    sky: "#ffffff",
    bounce: "#b9c0cc",
    sun: 1.9,
    ambient: 1.75,
  },
  dark: {
    body: { left: "#4b92f7", right: "#f9803c", torso: "#aab3c2", head: "#c3cad6", visor: "#141922" },
    ink: "#93a4bf",
    shade: 0.5,
    ground: "#1a202b",
    sky: "#dfe8ff",
    bounce: "#2a3140",
    sun: 1.9,
    ambient: 1.25,
  },
};

/** One a clip, told apart in both themes and by colour-blind eyes: after Okabe and Ito, without our blue and orange. */
export const ACCENTS = ["#0f9f82", "#a04fd6", "#c99700", "#d64f8c", "#5f7f2a", "#1f9fc4", "#8a6a4f", "#6a6ff0"];

export function accent(index: number): string {
  return ACCENTS[index % ACCENTS.length];
}
