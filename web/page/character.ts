// A character file (GLB, VRM) that plays its animation; loaded only when one has been dropped.
import {
  AmbientLight,
  AnimationMixer,
  Box3,
  DirectionalLight,
  GridHelper,
  Mesh,
  PerspectiveCamera,
  Scene,
  Timer,
  Vector3,
  WebGLRenderer,
  type Material,
  type Object3D,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

/** What the page and its tests drive it with. */
export interface Character {
  /** Seconds of the animation. */
  readonly seconds: number;
  /** Plays, or stops at what is shown; whether it plays now. */
  toggle(): boolean;
  /** Shows a moment, and stops there. */
  seek(seconds: number): void;
  /** World position of a joint by its name in the file; null where there is none. */
  joint(name: string): [number, number, number] | null;
  dispose(): void;
}

/** Shows a character in an element. */
export async function show(root: HTMLElement, file: ArrayBuffer, plays: boolean): Promise<Character> {
  const { scene: body, animations } = await new GLTFLoader().parseAsync(file, "");
  const canvas = document.createElement("canvas");
  const renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
  root.replaceChildren(canvas);
  const scene = new Scene();
  const sun = new DirectionalLight("#ffffff", 2.2);
  sun.position.set(2, 5, 4);
  scene.add(body, sun, new AmbientLight("#ffffff", 1.2), new GridHelper(20, 20, "#8a96a8", "#8a96a844"));
  body.traverse((part) => (part.frustumCulled = false)); // the bounds of a skinned mesh are those of its rest pose
  const mixer = new AnimationMixer(body);
  if (animations.length) mixer.clipAction(animations[0]).play();
  mixer.update(0);

  const camera = new PerspectiveCamera(35, 1, 0.01, 500);
  const controls = new OrbitControls(camera, canvas);
  const box = new Box3().setFromObject(body, true);
  const size = box.getSize(new Vector3()).length() || 2;
  let middle = box.getCenter(new Vector3());
  controls.target.copy(middle);
  camera.position.copy(middle).add(new Vector3(0.5, 0.25, 1).normalize().multiplyScalar(size * 1.6));

  const joints: Object3D[] = [];
  body.traverse((part) => void ((part as { isBone?: boolean }).isBone && joints.push(part)));
  /** The camera goes along with the first joint. */
  const start = joints.length ? joints[0].getWorldPosition(new Vector3()) : middle.clone();
  function follow(): void {
    if (!joints.length) return;
    const now = joints[0].getWorldPosition(new Vector3()).sub(start);
    const next = box.getCenter(new Vector3()).add(new Vector3(now.x, 0, now.z));
    camera.position.add(next.clone().sub(middle));
    controls.target.add(next.clone().sub(middle));
    middle = next;
  }
  function draw(): void {
    follow();
    controls.update();
    renderer.render(scene, camera);
  }
  const fit = (): void => {
    const { clientWidth, clientHeight } = root;
    if (!clientWidth || !clientHeight) return;
    renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    renderer.setSize(clientWidth, clientHeight, false);
    camera.aspect = clientWidth / clientHeight;
    camera.updateProjectionMatrix();
    draw();
  };
  const sizes = new ResizeObserver(fit);
  sizes.observe(root);
  fit();

  const timer = new Timer();
  let [playing, gone] = [plays, false];
  const frame = (now: number): void => {
    if (gone) return;
    timer.update(now);
    if (playing) mixer.update(timer.getDelta());
    draw();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  return {
    seconds: animations.length ? animations[0].duration : 0,
    toggle: () => (playing = !playing),
    seek: (seconds) => ((playing = false), mixer.setTime(seconds), draw()),
    joint: (name) => {
      const found = body.getObjectByName(name);
      return found ? found.getWorldPosition(new Vector3()).toArray() : null;
    },
    dispose: () => {
      gone = true;
      sizes.disconnect();
      controls.dispose();
      body.traverse((part) => {
        if (!(part instanceof Mesh)) return;
        part.geometry.dispose();
        for (const material of [part.material].flat() as Material[]) material.dispose();
      });
      renderer.dispose();
      renderer.forceContextLoss();
      root.replaceChildren();
    },
  };
}

declare global {
  interface Window {
    bimotionCharacter: { show: typeof show };
  }
}
window.bimotionCharacter = { show };
