/* The one place that knows where preact and htm come from. */
export {
	html, render, Component, createContext, useState, useReducer, useEffect, useLayoutEffect,
	useRef, useMemo, useCallback, useContext, useErrorBoundary,
} from "../vendor/htm-preact-standalone.mjs";
