/*
 * The table of every page: heads that stick, columns that sort (the choice stands in the query),
 * rows that j, k and Enter walk. A column: {key, title, cell(row), sort(row), num, min, unit}.
 * min: 2 from 700 px, 3 from 1000 px, 4 from 1380 px; scroll: for more columns than a screen holds.
 */
import { html } from "./dom.mjs";
import { setQuery } from "./url.mjs";

function compare(a, b) {
	if (a === b)
		return 0;
	if (a === null || a === undefined)
		return 1;
	if (b === null || b === undefined)
		return -1;
	return typeof a === "number" && typeof b === "number" ? a - b
		: String(a).localeCompare(String(b), "en", { numeric: true });
}

/* order: "key" or "-key"; what is not known comes last in both directions. */
export function sortRows(rows, columns, order) {
	const key = order?.replace(/^-/, "");
	const column = columns.find((c) => c.key === key && c.sort);
	if (!column)
		return rows;
	const sign = order.startsWith("-") ? -1 : 1;
	return [...rows].sort((x, y) => {
		const a = column.sort(x), b = column.sort(y);
		const missing = (v) => v === null || v === undefined;
		return missing(a) || missing(b) ? compare(a, b) : sign * compare(a, b);
	});
}

function Head({ column, order, sortKey }) {
	const cls = [column.num ? "num" : "", column.min ? `min-${column.min}` : ""].join(" ");
	if (!column.sort)
		return html`<th scope="col" class=${cls} title=${column.help ?? null}>
			${column.title}${column.unit ? html` <span class="unit">${column.unit}</span>` : null}</th>`;
	const up = order === column.key, down = order === `-${column.key}`;
	const next = up ? `-${column.key}` : down ? null : column.key;
	return html`<th scope="col" class=${cls} title=${column.help ?? null}
		aria-sort=${up ? "ascending" : down ? "descending" : "none"}>
		<button type="button" class="sort" onClick=${() => setQuery({ [sortKey]: next })}>
			${column.title}${
		column.unit ? html` <span class="unit">${column.unit}</span>` : null}
			<span class="arrow"
		aria-hidden="true">${up ? "▲" : down ? "▼" : ""}</span></button></th>`;
}

export function Table({ caption, columns, rows, rowKey, order = null, sortKey = "sort", rowClass,
	scroll }) {
	const sorted = sortRows(rows, columns, order);
	return html`<div class=${scroll ? "table-wrap scroll" : "table-wrap"} tabindex="0"
		role="region" aria-label=${caption}><table>
		<caption class="sr-only">${caption}</caption>
		<thead><tr>${columns.map((column) =>
			html`<${Head} key=${column.key} column=${column}
			order=${order} sortKey=${sortKey} />`)}</tr></thead>
		<tbody>${sorted.map((row) =>
			html`<tr key=${rowKey(row)} class=${rowClass?.(row) ?? null}>${
			columns.map((column) => html`<td key=${column.key}
				class=${[column.num ? "num" : "",
				column.min ? `min-${column.min}` : "", column.cls ?? ""].join(" ")}>
					${
				column.cell(row)}</td>`)}</tr>`)}</tbody></table></div>`;
}

/* The link that Enter opens in a row. */
export function RowLink({ href, children }) {
	return html`<a href=${href} data-row-link>${children}</a>`;
}
