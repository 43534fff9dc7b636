import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/feed.css";
import "./styles/why.css";
import "./styles/system.css";
import "./styles/more.css";
import "./styles/experiments.css";
import { startTheme } from "./theme.tsx";

startTheme();
render(<App />, document.getElementById("app")!);
