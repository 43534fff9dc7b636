/** A component that is drawn again only where one of its properties has changed. */
import { Component, type ComponentChild, h } from "preact";

export function memo<P extends object>(draw: (props: P) => ComponentChild) {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      return Object.entries(next).some(([name, value]) => before[name] !== value);
    }

    override render(props: P): ComponentChild {
      return draw(props);
    }
  }
  return (props: P) => h(Memo, props as never);
}
