/** Light or dark: what the system prefers, unless the reader has chosen. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./parts/icon.tsx";

const KEY = "upnext-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

type Theme = "light" | "dark";

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

function show(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

/** Before anything is drawn. */
export function startTheme(): void {
  show(chosen() ?? (dark.matches ? "dark" : "light"));
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(chosen() ?? (dark.matches ? "dark" : "light"));
  useEffect(() => {
    show(theme);
  }, [theme]);
  useEffect(() => {
    const follow = () => chosen() === null && setTheme(dark.matches ? "dark" : "light");
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  const other = theme === "dark" ? "light" : "dark";
  const change = () => {
    localStorage.setItem(KEY, other);
    setTheme(other);
  };
  return (
    <button type="button" class="icon-button" onClick={change} aria-label={`Use the ${other} theme`}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}
