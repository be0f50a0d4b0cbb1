"use strict"
// Lists of a page: search, facets, order, what stands under a row, downloads, decisions. All text goes in as text.

const MARKS = {
  critical: "◆", high: "▲", medium: "●", low: "○", GREEN: "✓", AMBER: "▲", RED: "✕",
  TRUSTED: "✓", WATCH: "▲", DISTRUSTED: "✕", UNPROVEN: "?",
}
const TINT = { TRUSTED: "GREEN", WATCH: "AMBER", DISTRUSTED: "RED", UNPROVEN: "AMBER" }
const PAGE = 100
const PRINTED = 2000
const BRIEF = 14 // characters that a column never breaks
const compare = new Intl.Collator(undefined, { numeric: true }).compare

const make = (tag, attributes = {}, ...inside) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, "")
    else if (value !== false && value !== null) element.setAttribute(name, value)
  }
  element.append(...inside)
  return element
}

const save = (name, kind, text) => {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name })
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(link.href), 10000)
}

// An address that somebody cut short or typed may hold a % that stands for nothing.
const decoded = (text) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const grouped = (text) => text.replace(/^(-?)(\d+)/, (_, sign, whole) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ","))
const isNumber = (column) => column.kind === "number" || column.kind === "money"
const widthOf = (column) => {
  if (isNumber(column)) return "number"
  const isBrief = column.kind === "date" || column.values.every((value) => value === null || value.length <= BRIEF)
  return isBrief ? "tight" : "text"
}

class Listing {
  constructor(place) {
    this.place = place
    Object.assign(this, JSON.parse(document.getElementById(`${place.id}-data`).textContent))
    this.by = Object.fromEntries(this.columns.map((column) => [column.name, column]))
    this.shown = this.columns.filter((column) => column.shown)
    for (const column of this.shown) column.width = widthOf(column)
    this.under = this.columns.filter((column) => !column.shown && column.name !== "may")
    this.open = new Set()
    this.size = PAGE
    this.decided = new Map()
    this.clear()
    this.region = place.querySelector(".scroll")
    this.body = make("tbody")
    this.build()
    this.follow()
    addEventListener("hashchange", () => this.follow())
    addEventListener("beforeprint", () => this.print(PRINTED, 0))
    addEventListener("afterprint", () => this.print(PAGE, this.before))
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault())
  }

  value(column, row) {
    return (column.at ? column.values[column.at[row]] : column.values[row]) ?? null
  }

  text(column, row) {
    const value = this.value(column, row)
    if (value === null) return column.kind === "money" ? "unvalued" : "–"
    const unit = column.currency ? ` ${this.value(this.by[column.currency], row) ?? ""}` : ""
    return isNumber(column) ? grouped(value) + unit : value
  }

  clear() {
    this.chosen = {}
    this.words = ""
    this.sorted = null
    this.page = 0
  }

  // -- what is shown --------------------------------------------------------------------------------------------------

  searched() {
    const words = this.words.toLowerCase().split(/\s+/).filter(Boolean)
    let rows = Array.from({ length: this.rows }, (_, row) => row)
    for (const word of words) {
      const hits = this.columns.map((column) => column.values.map((value) => !!value && value.toLowerCase().includes(word)))
      const texts = new Set()
      this.texts?.forEach((text, place) => text.toLowerCase().includes(word) && texts.add(place))
      rows = rows.filter(
        (row) =>
          this.columns.some((column, number) => hits[number][column.at ? column.at[row] : row]) ||
          (texts.size && this.details[row]?.some((block) => block.some((place) => texts.has(place)))),
      )
    }
    return rows
  }

  passes(row, but) {
    return Object.entries(this.chosen).every(
      ([name, values]) => name === but || values.has(this.value(this.by[name], row) ?? ""),
    )
  }

  find() {
    const found = this.searched()
    for (const facet of this.facets) {
      const counts = new Map()
      for (const row of found) {
        if (this.passes(row, facet.column.name)) {
          const value = this.value(facet.column, row) ?? ""
          counts.set(value, (counts.get(value) ?? 0) + 1)
        }
      }
      const chosen = this.chosen[facet.column.name] ?? new Set()
      for (const [value, { box, count, label }] of facet.boxes) {
        box.checked = chosen.has(value)
        count.textContent = grouped(String(counts.get(value) ?? 0))
        label.hidden = !counts.get(value) && !box.checked
      }
      facet.name.textContent = facet.column.title + (chosen.size ? ` (${chosen.size})` : "")
    }
    this.found = found.filter((row) => this.passes(row))
    if (this.sorted) this.sort()
  }

  sort() {
    const { column, falls } = this.sorted
    const by = column.order?.length ? (value) => column.order.indexOf(value) : isNumber(column) ? Number : null
    const order = by ? (one, other) => by(one) - by(other) : compare
    const places = column.values.map((_, place) => place).filter((place) => column.values[place] !== null)
    places.sort((one, other) => order(column.values[one], column.values[other]))
    const ranks = new Map()
    let [rank, before] = [-1, null]
    for (const place of places) {
      if (before === null || order(column.values[before], column.values[place])) rank += 1
      ranks.set(place, rank)
      before = place
    }
    const of = (row) => ranks.get(column.at ? column.at[row] : row) ?? null
    this.found.sort((one, other) => {
      const [a, b] = [of(one), of(other)]
      if (a === null || b === null) return (a === null) - (b === null) || one - other
      return (falls ? b - a : a - b) || one - other
    })
  }

  show() {
    const pages = Math.max(1, Math.ceil(this.found.length / this.size))
    this.page = Math.min(this.page, pages - 1)
    const rows = this.found.slice(this.page * this.size, (this.page + 1) * this.size)
    this.body.replaceChildren(...rows.flatMap((row) => this.line(row)))
    if (!rows.length) {
      this.body.append(make("tr", {}, make("td", { colspan: this.shown.length }, "Nothing fits what was chosen.")))
    }
    const from = this.page * this.size + 1
    const among = this.found.length === this.rows ? "" : ` (of ${grouped(String(this.rows))})`
    this.status.textContent = rows.length
      ? `${grouped(String(from))}–${grouped(String(from + rows.length - 1))} of ${grouped(String(this.found.length))}${among}`
      : `0${among}`
    this.back.disabled = !this.page
    this.on.disabled = this.page >= pages - 1
    this.search.value = this.words
    this.heads.forEach((head, number) => {
      const is = this.sorted?.column === this.shown[number]
      head.setAttribute("aria-sort", is ? (this.sorted.falls ? "descending" : "ascending") : "none")
    })
  }

  print(size, page) {
    this.before = this.page
    Object.assign(this, { size, page })
    this.show()
  }

  refresh() {
    this.find()
    this.show()
    this.remember()
  }

  // -- the address: filters, or one row ----------------------------------------------------------------------------

  remember() {
    const said = new URLSearchParams()
    if (this.words) said.append("q", this.words)
    for (const [name, values] of Object.entries(this.chosen)) for (const value of values) said.append(name, value)
    if (this.sorted) said.append("sort", (this.sorted.falls ? "-" : "") + this.sorted.column.name)
    if (this.page) said.append("page", this.page + 1)
    const text = said.toString()
    const here = location.href.split("#")[0]
    history.replaceState(null, "", text ? `${here}#${this.name}?${text}` : here)
  }

  follow() {
    const hash = decoded(location.hash.slice(1))
    const [name] = hash.split("?", 1)
    this.clear()
    if (name === this.name && hash.includes("?")) {
      for (const [key, value] of new URLSearchParams(location.hash.slice(location.hash.indexOf("?") + 1))) {
        const column = this.by[key.replace(/^-/, "")]
        const sorted = key === "sort" && this.by[value.replace(/^-/, "")]
        if (key === "q") this.words = value
        else if (key === "page") this.page = Math.max(0, Math.floor(Number(value) || 1) - 1)
        else if (sorted) this.sorted = { column: sorted, falls: value.startsWith("-") }
        else if (column) (this.chosen[key] ??= new Set()).add(value)
      }
    }
    this.find()
    const row = hash && !this.columns[0].at ? this.columns[0].values.indexOf(hash) : -1
    if (row >= 0) {
      this.page = Math.floor(this.found.indexOf(row) / PAGE)
      this.open.add(row)
    }
    this.show()
    if (row >= 0) {
      const line = this.body.querySelector(`[data-row="${row}"]`)
      line.classList.add("named")
      line.scrollIntoView()
      line.querySelector("button").focus({ preventScroll: true })
    } else if (name === this.name) this.place.scrollIntoView()
  }

  // -- the pieces ---------------------------------------------------------------------------------------------------

  build() {
    this.search = make("input", {
      type: "search", "aria-label": `Search in ${this.title}`, placeholder: this.details ? "Search, also in the evidence" : "Search",
      oninput: () => {
        clearTimeout(this.soon)
        this.soon = setTimeout(() => {
          this.words = this.search.value
          this.page = 0
          this.refresh()
        }, 150)
      },
    })
    this.facets = this.columns.filter((column) => column.facet).map((column) => this.facet(column))
    this.status = make("span", { role: "status", class: "count" })
    const turn = (by) => () => {
      this.page += by
      this.refresh()
      this.place.scrollIntoView()
    }
    this.back = make("button", { type: "button", onclick: turn(-1), "aria-label": "Earlier rows" }, "‹ Earlier")
    this.on = make("button", { type: "button", onclick: turn(1), "aria-label": "Later rows" }, "Later ›")
    const all = make("button", { type: "button", onclick: () => { this.clear(); this.refresh() } }, "Show all")
    const csv = make("button", { type: "button", onclick: () => this.download("csv") }, "CSV of these")
    const json = make("button", { type: "button", onclick: () => this.download("json") }, "JSON of these")
    this.place.prepend(
      make("div", { class: "tools" }, this.search, ...this.facets.map((facet) => facet.element), all),
      ...(this.answers ? [this.desk()] : []),
      make("div", { class: "tools" }, this.status, this.back, this.on, csv, json),
    )
    this.heads = this.shown.map((column) =>
      make("th", { scope: "col", class: isNumber(column) ? "number" : null },
        make("button", { type: "button", onclick: () => {
          const falls = this.sorted?.column === column ? !this.sorted.falls : isNumber(column)
          this.sorted = { column, falls }
          this.page = 0
          this.refresh()
        } }, column.title)),
    )
    const table = this.region.querySelector("table")
    table.querySelector("thead").replaceChildren(make("tr", {}, ...this.heads))
    table.querySelectorAll("tbody").forEach((part) => part.remove())
    table.append(this.body)
    this.place.querySelector(".unscripted")?.remove()
  }

  facet(column) {
    const counts = new Map()
    for (let row = 0; row < this.rows; row += 1) {
      const value = this.value(column, row) ?? ""
      counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    const rank = (value) => (column.order?.length ? column.order.indexOf(value) : -counts.get(value))
    const values = [...counts.keys()].sort((one, other) => rank(one) - rank(other) || compare(one, other)).slice(0, 500)
    const boxes = new Map()
    for (const value of values) {
      const count = make("span", { class: "count" })
      const box = make("input", { type: "checkbox", onchange: () => {
        const chosen = (this.chosen[column.name] ??= new Set())
        if (box.checked) chosen.add(value)
        else chosen.delete(value)
        if (!chosen.size) delete this.chosen[column.name]
        this.page = 0
        this.refresh()
      } })
      boxes.set(value, { box, count, label: make("label", {}, box, ` ${value || "none"} `, count) })
    }
    const name = make("span", {}, column.title)
    const choices = make("div", { class: "choices", role: "group", "aria-label": column.title },
      ...[...boxes.values()].map(({ label }) => label))
    const element = make("details", { class: "facet", name: `${this.name}-facet`, ontoggle: () => {
      choices.classList.remove("leftwards")
      const edge = document.documentElement.clientWidth
      choices.classList.toggle("leftwards", choices.getBoundingClientRect().right > edge)
    } }, make("summary", {}, name), choices)
    return { column, boxes, name, element }
  }

  line(row) {
    const isOpen = this.open.has(row)
    const [first, ...others] = this.shown
    const unfold = make("button", {
      type: "button", class: "unfold", "aria-expanded": String(isOpen), onclick: () => this.toggle(row, unfold),
    }, this.text(first, row))
    const main = make("tr", { "data-row": row },
      make("th", { scope: "row" }, unfold, ...(this.decided.has(row) ? [make("small", {}, " decided")] : [])),
      ...others.map((column) => this.cell(column, row)))
    return isOpen ? [main, this.beneath(row)] : [main]
  }

  cell(column, row) {
    const text = this.text(column, row)
    if (column.kind === "tag" && this.value(column, row) !== null) {
      const tint = TINT[text] ?? text
      const mark = make("span", { "aria-hidden": "true" }, `${MARKS[text] ?? "·"} `)
      return make("td", { class: "tight" }, make("span", { class: `tag ${tint}` }, mark, text))
    }
    const to = column.link && this.value(this.by[column.to], row)
    const inside = to ? make("a", { href: column.link + encodeURIComponent(to) }, text) : text
    return make("td", { class: column.width }, inside)
  }

  toggle(row, button) {
    const line = button.closest("tr")
    if (this.open.delete(row)) line.nextElementSibling.remove()
    else {
      this.open.add(row)
      line.after(this.beneath(row))
    }
    button.setAttribute("aria-expanded", String(this.open.has(row)))
  }

  beneath(row) {
    const said = this.under.filter((column) => this.value(column, row) !== null)
    const key = this.value(this.columns[0], row)
    const blocks = (this.details?.[row] ?? []).map(([heading, note, ...pairs]) => {
      const told = []
      for (let n = 0; n < pairs.length; n += 2) told.push([this.texts[pairs[n]], this.texts[pairs[n + 1]]])
      return make("div", { class: "claim" },
        make("p", {}, make("b", {}, this.texts[heading]), " ", make("small", {}, this.texts[note])),
        ...(told.length ? [this.pairs(told)] : []))
    })
    return make("tr", { class: "beneath" }, make("td", { colspan: this.shown.length },
      make("div", { class: "evidence" },
        ...(this.answers && this.value(this.by.may, row) ? [this.form(row)] : []),
        this.pairs(said.map((column) => [column.title, this.text(column, row)])),
        ...blocks,
        ...(this.columns[0].at ? [] : [make("p", { class: "small" }, "Permalink ", make("a", { href: `#${key}` }, key))]))))
  }

  pairs(told) {
    return make("dl", { class: "pairs" },
      ...told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))))
  }

  // -- decisions ----------------------------------------------------------------------------------------------------

  desk() {
    this.who = make("input", { type: "text", autocomplete: "email", size: 28 })
    this.send = make("button", { type: "button", disabled: true, onclick: () => this.answer() }, "Download 0 decisions")
    return make("div", { class: "tools desk" },
      make("label", {}, "Decided by ", this.who),
      this.send,
      make("small", {}, "Unfold a row to decide. Nothing is recorded until the file is imported: tieout decisions import FILE"))
  }

  form(row) {
    const said = this.decided.get(row) ?? {}
    const fields = { until: "Until", approver: "Approved by", to: "Whom", document: "Document", reason: "Reason", comment: "Comment" }
    const keep = () => {
      if (kind.value) this.decided.set(row, { decision: kind.value, ...Object.fromEntries(
        [...inputs].filter(([, { label, input }]) => !label.hidden && input.value).map(([name, { input }]) => [name, input.value])) })
      else this.decided.delete(row)
      this.unsaved = this.decided.size > 0
      this.send.disabled = !this.decided.size
      this.send.textContent = `Download ${this.decided.size} decision${this.decided.size === 1 ? "" : "s"}`
    }
    const inputs = new Map(Object.entries(fields).map(([name, title]) => {
      const input = make("input", { type: name === "until" ? "date" : "text", value: said[name] ?? null, oninput: keep })
      return [name, { input, label: make("label", {}, `${title} `, input) }]
    }))
    const arrange = () => {
      const needs = this.answers.kinds[kind.value]?.[1] ?? []
      for (const [name, { label }] of inputs) label.hidden = !kind.value || !(needs.includes(name) || name === "reason" || name === "comment")
    }
    const kind = make("select", { onchange: () => { arrange(); keep() } },
      make("option", { value: "" }, "no decision"),
      ...this.value(this.by.may, row).split(",").map((name) =>
        make("option", { value: name, selected: said.decision === name }, this.answers.kinds[name][0])))
    arrange()
    return make("fieldset", {}, make("legend", {}, "Decision"), make("label", {}, "What is to be done ", kind),
      ...[...inputs.values()].map(({ label }) => label))
  }

  answer() {
    const said = [...this.decided].sort(([one], [other]) => one - other).map(([row, decision]) => ({
      exception_id: this.value(this.by.exception_id, row), ...decision, by: this.who.value, period: this.period,
    }))
    save(`decisions-${this.period}.json`, "application/json", `${JSON.stringify(said, null, 1)}\n`)
    this.unsaved = false
  }

  // -- downloads ----------------------------------------------------------------------------------------------------

  download(kind) {
    const columns = this.columns.filter((column) => column.name !== "may")
    const name = `${this.name}-${this.period}.${kind}`
    if (kind === "json") {
      const rows = this.found.map((row) => Object.fromEntries(columns.map((column) => [column.name, this.value(column, row)])))
      save(name, "application/json", `${JSON.stringify(rows, null, 1)}\n`)
      return
    }
    // A leading apostrophe keeps a spreadsheet from taking a text for a formula.
    const cell = (column, row) => {
      const value = this.value(column, row) ?? ""
      const runs = /^'*[=+\-@\t\r\n＝＋－＠]/.test(value) && !/^[+-]?[0-9]+(\.[0-9]+)?$/.test(value)
      const text = runs ? `'${value}` : value
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    }
    const lines = this.found.map((row) => columns.map((column) => cell(column, row)).join(","))
    save(name, "text/csv", `\ufeff${[columns.map((column) => column.name).join(","), ...lines].join("\r\n")}\r\n`)
  }
}

for (const place of document.querySelectorAll(".listing")) new Listing(place)
