// Finds what a keyboard or a screen reader would stumble over in our parts of the page.
() => {
  const wrong = [];
  const say = (element, what) =>
    wrong.push(`${what}: <${element.tagName.toLowerCase()} class="${element.className}"> ${element.textContent.slice(0, 40)}`);
  const shown = (element) => element.getClientRects().length > 0;
  const byIds = (element, name) =>
    (element.getAttribute(name) || "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
  const nameOf = (element) =>
    (
      element.getAttribute("aria-label") ||
      byIds(element, "aria-labelledby").map((one) => (one ? one.textContent : "")).join(" ") ||
      [...(element.labels || [])].map((one) => one.textContent).join(" ") ||
      element.textContent
    ).trim();
  for (const root of document.querySelectorAll(".plexsync")) {
    for (const element of root.querySelectorAll("a, button, input, [role=group], [role=progressbar], fieldset, section"))
      if (shown(element) && !nameOf(element)) say(element, "no name");
    for (const element of root.querySelectorAll("a"))
      if (shown(element) && !element.getAttribute("href")) say(element, "a link that leads nowhere");
    for (const element of root.querySelectorAll("[tabindex]"))
      if (element.tabIndex > 0) say(element, "out of order for the keyboard");
    for (const element of root.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]"))
      for (const name of ["aria-describedby", "aria-labelledby", "aria-controls"])
        if (byIds(element, name).includes(null)) say(element, `${name} names what is not there`);
    for (const element of root.querySelectorAll("[aria-hidden=true] a, [aria-hidden=true] button, [role=status] button"))
      say(element, "a control where none is looked for");
    for (const element of root.querySelectorAll("th")) if (!element.scope) say(element, "a head of nothing");
    for (const element of root.querySelectorAll("svg, img"))
      if (!element.getAttribute("aria-hidden") && !nameOf(element)) say(element, "a picture without words");
    let level = root.querySelector("h1") ? 0 : null;
    for (const heading of root.querySelectorAll("h1, h2, h3, h4")) {
      const own = Number(heading.tagName[1]);
      if (level !== null && own > level + 1) say(heading, "a heading that skips a level");
      level = own;
    }
  }
  const ids = [...document.querySelectorAll(".plexsync [id], .plexsync[id]")].map((element) => element.id);
  for (const id of ids) if (ids.filter((one) => one === id).length > 1) wrong.push(`two of id ${id}`);
  return wrong;
}
