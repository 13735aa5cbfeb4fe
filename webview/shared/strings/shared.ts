/** Texts that several views use. */
export const sharedEn = {
  showTable: "Show as table",
  hideTable: "Hide table",
  filter: "Filter",
  copied: "Copied",
  copyFailed: "Copying failed: {reason}",
};

export const sharedZhCn: typeof sharedEn = {
  showTable: "显示为表格",
  hideTable: "隐藏表格",
  filter: "筛选",
  copied: "已复制",
  copyFailed: "复制失败：{reason}",
};
