/** Where and on what the slate is shown: a column for each place that training saw, one for others, one for none. */
import type { RequestColumn, RequestGroup } from "./feature-set.ts";

export const place: RequestGroup = {
  name: "place",
  version: 1,
  per: "request",
  smallestDeviation: 0.1,

  columns: ({ surfaces, devices }) => [...oneHot("surface", surfaces), ...oneHot("device", devices)],

  prepare({ surfaces, devices }) {
    const surfaceAt = new Map(surfaces.map((name, i) => [name, i]));
    const deviceAt = new Map(devices.map((name, i) => [name, i]));
    const others = surfaces.length;
    const firstDevice = others + 2;
    const otherDevices = firstDevice + devices.length;
    return ({ query: { context } }) =>
      (values) => {
        const { surface, device } = context;
        values[surface === undefined ? others + 1 : (surfaceAt.get(surface) ?? others)] = 1;
        const code = device === undefined ? undefined : deviceAt.get(device);
        values[
          device === undefined ? otherDevices + 1 : code === undefined ? otherDevices : firstDevice + code
        ] = 1;
      };
  },
};

function oneHot(what: string, values: readonly string[]): readonly RequestColumn[] {
  return [...values.map((value) => `${what}=${value}`), `other-${what}`, `no-${what}`].map((name) => ({
    name,
    kind: "flag",
    unknown: 0,
  }));
}
