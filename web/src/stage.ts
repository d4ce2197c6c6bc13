// The 3D view: one cell a clip, or all clips in one; a single camera turns all of them.
import {
  Color,
  DirectionalLight,
  HemisphereLight,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { Body, Divider } from "./body";
import type { MotionClip } from "./data";
import { Bones } from "./bones";
import { Contacts } from "./contacts";
import { Compass, Floor, Trail } from "./floor";
import { Framing } from "./framing";
import { accent, THEMES, type ThemeName } from "./theme";

export interface Cell {
  /** CSS pixels from the top left of the view. */
  x: number;
  y: number;
  width: number;
  height: number;
  clips: number[];
}

export interface View {
  overlay: boolean;
  /** The one clip shown, or null for all. */
  solo: number | null;
  follow: boolean;
  ghosts: boolean;
  trails: boolean;
  /** Marks under standing feet. */
  contacts: boolean;
  skeleton: boolean;
  theme: ThemeName;
}

export const ANGLES = {
  "three-quarter": [35, 14],
  front: [0, 4],
  left: [90, 4],
  back: [180, 4],
  top: [0, 89.9],
} as const;
export type Angle = keyof typeof ANGLES;

const GHOSTS = 6;

/** The cells of a view of this size: as large as bodies can be shown, which stand about 1 wide to 1.25 high. */
export function cells(width: number, height: number, clips: number[], overlay: boolean): Cell[] {
  if (overlay || clips.length === 1) return [{ x: 0, y: 0, width, height, clips }];
  let best = { size: 0, columns: 1 };
  for (let columns = 1; columns <= clips.length; columns++) {
    const rows = Math.ceil(clips.length / columns);
    const size = Math.min(width / columns, height / rows / 1.25);
    if (size > best.size) best = { size, columns };
  }
  const rows = Math.ceil(clips.length / best.columns);
  const [w, h] = [width / best.columns, height / rows];
  return clips.map((clip, i) => ({
    x: (i % best.columns) * w,
    y: Math.floor(i / best.columns) * h,
    width: w,
    height: h,
    clips: [clip],
  }));
}

interface Actor {
  clip: MotionClip;
  body: Body;
  ghosts: Body;
  bones: Bones;
  trail: Trail;
  compass: Compass;
  contacts: Contacts;
  joints: Float32Array;
}

export class Stage {
  readonly camera = new PerspectiveCamera(30, 1, 0.05, 200);
  readonly controls: OrbitControls;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly sun = new DirectionalLight();
  private readonly sky = new HemisphereLight();
  private readonly floor = new Floor();
  private readonly actors: Actor[];
  private readonly framing: Framing;
  private cells: Cell[] = [];
  private height = 1;
  private loop = false;
  private readonly longest: number;
  private distance = 0;

  constructor(
    canvas: HTMLCanvasElement,
    clips: MotionClip[],
    readonly view: View,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.renderer.setScissorTest(true);
    this.sun.castShadow = true;
    this.sun.shadow.mapSize.set(1024, 1024);
    this.sun.shadow.radius = 3;
    this.sun.shadow.normalBias = 0.02;
    this.scene.add(this.sun, this.sun.target, this.sky, this.floor.group, new Divider());
    this.actors = clips.map((clip) => this.actor(clip));
    this.framing = new Framing(clips);
    this.longest = Math.max(...clips.map((clip) => clip.duration));
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.maxPolarAngle = Math.PI / 2;
    this.controls.minDistance = 0.6;
    this.controls.maxDistance = 60;
    this.controls.zoomToCursor = false;
    this.paint();
  }

  /** Whether some clip moves so far that following it is the better start. */
  get travels(): boolean {
    return this.framing.travels;
  }

  private actor(clip: MotionClip): Actor {
    const body = new Body(clip, 1, true);
    const ghosts = new Body(clip, GHOSTS, false);
    const joints = new Float32Array(66);
    for (let i = 0; i < GHOSTS; i++) {
      ghosts.pose(clip.sample((clip.duration * i) / (GHOSTS - 1), joints), i);
    }
    const bones = new Bones(body.scale);
    const [trail, compass, contacts] = [new Trail(clip), new Compass(body.scale), new Contacts(clip, body.scale)];
    this.scene.add(body.group, ghosts.group, bones.group, trail.mesh, compass.group, contacts.group);
    return { clip, body, ghosts, bones, trail, compass, contacts, joints };
  }

  /** Colours of everything for the theme; in an overlay the torsos tell the clips apart. */
  paint(): void {
    const theme = THEMES[this.view.theme];
    const overlay = this.view.overlay && this.actors.length > 1;
    this.actors.forEach(({ body, ghosts, bones, trail, compass, contacts }, i) => {
      const own = accent(i);
      const colours = { ...theme.body };
      if (overlay) {
        colours.torso = `#${new Color(own).lerp(new Color("#ffffff"), 0.12).getHexString()}`;
        colours.head = `#${new Color(own).lerp(new Color("#ffffff"), 0.3).getHexString()}`;
      }
      body.paint(colours);
      ghosts.paint(colours, theme.ground, 0.7);
      bones.paint(theme.body, overlay ? own : theme.ink);
      trail.paint(own);
      compass.paint(own);
      contacts.paint(theme.body);
    });
    this.floor.paint(theme.ink, theme.shade);
    this.sun.intensity = theme.sun;
    this.sky.intensity = theme.ambient;
    this.sky.color.set(theme.sky);
    this.sky.groundColor.set(theme.bounce);
  }

  /** Fits the drawing to the view's size and returns where each clip is shown. */
  layout(width: number, height: number): Cell[] {
    const shown = this.view.solo === null ? this.actors.map((_, i) => i) : [this.view.solo];
    this.renderer.setSize(width, height, false);
    this.height = height;
    this.cells = cells(width, height, shown, this.view.overlay);
    this.refit();
    return this.cells;
  }

  /** Keeps the user's zoom when what has to fit in changes. */
  private refit(): void {
    const { width, height } = this.cells[0];
    const shown = this.cells.flatMap((cell) => cell.clips);
    const fit = this.framing.distance(shown, this.view, this.camera.fov, width / height);
    if (this.distance > 0) {
      const offset = this.camera.position.clone().sub(this.controls.target);
      this.camera.position.copy(this.controls.target).addScaledVector(offset, fit / this.distance);
    }
    this.distance = fit;
    this.camera.aspect = width / height;
    this.controls.update();
  }

  /** Looks from one of the named sides, at the distance where everything fits. */
  look(angle: Angle): void {
    const [azimuth, elevation] = ANGLES[angle].map((degrees) => (degrees * Math.PI) / 180);
    const out = new Vector3(Math.sin(azimuth) * Math.cos(elevation), Math.sin(elevation), 0);
    out.z = Math.cos(azimuth) * Math.cos(elevation);
    this.controls.target.set(0, 0, 0);
    this.camera.position.copy(out.multiplyScalar(this.distance));
    this.controls.update();
  }

  /** Draws a moment; with `loop` clips that are shorter than the longest begin again. */
  render(time: number, loop = false): void {
    this.loop = loop;
    for (const actor of this.actors) {
      const own = actor.clip.ownTime(time, loop, this.longest);
      actor.clip.sample(own, actor.joints);
      actor.body.pose(actor.joints);
      actor.bones.pose(actor.joints);
      actor.compass.pose(actor.joints);
      actor.contacts.pose(actor.joints, own);
      actor.trail.at(own);
    }
    const home = this.camera.position.clone();
    for (const cell of this.cells) this.renderCell(cell, time, home);
    this.camera.position.copy(home);
    this.camera.updateMatrixWorld();
  }

  private renderCell(cell: Cell, time: number, home: Vector3): void {
    const shown = new Set(cell.clips);
    this.actors.forEach((actor, i) => {
      actor.compass.group.visible = shown.has(i);
      actor.body.group.visible = shown.has(i) && !this.view.skeleton;
      actor.bones.group.visible = shown.has(i) && this.view.skeleton;
      actor.trail.mesh.visible = shown.has(i) && this.view.trails && actor.trail.worthwhile;
      actor.contacts.group.visible = shown.has(i) && this.view.contacts;
      actor.ghosts.group.visible = shown.has(i) && this.view.ghosts;
    });
    const own = (i: number): number => this.actors[i].clip.ownTime(time, this.loop, this.longest);
    const focus = this.framing.focus(cell.clips, this.view, own);
    this.camera.position.copy(home).add(focus);
    this.camera.aspect = cell.width / cell.height;
    this.camera.updateProjectionMatrix();
    const centre = focus.clone().add(this.controls.target);
    this.floor.follow(centre.x, centre.z, Math.max(this.camera.position.distanceTo(centre) * 1.6, 5));
    this.light(cell.clips);
    const below = this.height - cell.y - cell.height; // WebGL counts from the bottom
    this.renderer.setViewport(cell.x, below, cell.width, cell.height);
    this.renderer.setScissor(cell.x, below, cell.width, cell.height);
    this.renderer.render(this.scene, this.camera);
  }

  /** Gives the graphics memory back. */
  dispose(): void {
    this.controls.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  /** Puts the sun where its shadow map covers the bodies of a cell. */
  private light(clips: number[]): void {
    const roots = clips.map((i) => new Vector3().fromArray(this.actors[i].joints));
    const centre = roots.reduce((sum, root) => sum.add(root), new Vector3()).divideScalar(roots.length);
    const reach = 1.7 + Math.max(...roots.map((root) => root.distanceTo(centre)));
    this.sun.target.position.set(centre.x, 0.6, centre.z);
    this.sun.position.set(centre.x + 2.2, 6, centre.z + 3);
    const box = this.sun.shadow.camera;
    [box.left, box.right, box.bottom, box.top, box.near, box.far] = [-reach, reach, -reach, reach, 0.5, 14];
    box.updateProjectionMatrix();
  }
}
