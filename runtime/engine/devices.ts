import type { DeviceType } from "../tensor/device.js";

/** The devices that plans can be run on by this version's executor. A label of any other is refused, not ignored. */
export const runsOn: ReadonlySet<DeviceType> = new Set<DeviceType>(["cpu", "webgpu"]);
