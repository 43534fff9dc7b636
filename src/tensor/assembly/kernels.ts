// Entry of the WebAssembly module: dense loops that neither plain JavaScript nor an ONNX graph does fast.
// Memory belongs to the caller, who lays out the arrays (src/tensor/kernels.ts); nothing is allocated here.

export { alsHalf, foldIn, gram } from "./als";
export { nthBest, selectBest } from "./best";
export {
  columnsOfRows,
  fadeColumns,
  lnColumns,
  maxColumn,
  oddsColumn,
  oddsOfColumn,
  rateColumn,
  ratioColumn,
  rowsOfColumns,
} from "./columns";
export { conjugateGradient } from "./conjugate-gradient";
export { allowPlaces, rowsOfPlaces, rowsWithout, scoresOfRows } from "./distinct";
export { fuseLists, placesIn } from "./fusion";
export { quantiseRows } from "./quantise";
export { keepAbove, rowsAbove, sampleFloors, scanPlaces, scanRows } from "./scan";
export { addLists, readSums } from "./row-sums";
export { addAround, addPlaces, spansAround } from "./sessions";
export { highestOf, scoreRows, selectTop, sumExp, sumExpOfBest } from "./top";
export { dotRows, highestRow } from "./vectors";
