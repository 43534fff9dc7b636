/** Elements that change their place glide there, new ones appear, and nothing else moves (First, Last, Invert, Play). */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const GLIDE: KeyframeAnimationOptions = { duration: 420, easing: "cubic-bezier(.2, .7, .2, 1)" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** @param order changes where the children have; children carry the name of what they show in `data-flip` */
export function useFlip<E extends HTMLElement>(order: string): RefObject<E | null> {
  const list = useRef<E>(null);
  const places = useRef(new Map<string, { left: number; top: number }>());
  useLayoutEffect(() => {
    const before = places.current;
    const now = new Map<string, { left: number; top: number }>();
    for (const child of list.current?.children ?? []) {
      if (!(child instanceof HTMLElement) || child.dataset["flip"] === undefined) continue;
      const name = child.dataset["flip"];
      // Relative to the page: scrolling is no move.
      const place = { left: child.offsetLeft, top: child.offsetTop };
      now.set(name, place);
      if (before.size === 0 || still.matches) continue;
      const was = before.get(name);
      if (was === undefined) {
        child.animate(
          [
            { opacity: 0, transform: "scale(.96)" },
            { opacity: 1, transform: "none" },
          ],
          GLIDE,
        );
        continue;
      }
      const [x, y] = [was.left - place.left, was.top - place.top];
      if (x === 0 && y === 0) continue;
      child.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], GLIDE);
    }
    places.current = now;
  }, [order]);
  return list;
}
