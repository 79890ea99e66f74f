/* Rules for path_map that PlexSync found, to adopt with one click. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Adds a rule to path_map, in the settings as they are now. Gives the new text. */
  async function adoptRule(rule) {
    const settings = await ui.readSettings();
    const before = String(settings.path_map || "").trim().replace(/;\s*$/, "");
    if (before.split(";").some((known) => known.trim() === rule)) return before;
    const pathMap = before ? `${before}; ${rule}` : rule;
    await ui.saveSettings({ path_map: pathMap });
    return pathMap;
  }

  function Paths({ state, settings, say, askNow }) {
    const [adopted, setAdopted] = useState([]);
    const used = String((settings && settings.path_map) || "").split(";").map((rule) => rule.trim());
    const list = state.path_advice.filter(
      (one) => !adopted.includes(one.rule) && !used.includes(one.rule)
    );
    if (!list.length) return null;
    const adopt = (rule) =>
      ui.told(say, async () => {
        await adoptRule(rule);
        setAdopted([...adopted, rule]);
        await ui.operation("retry", { reason: "NotInPlexYet" });
        askNow();
        return `The rule ${rule} is saved; the waiting scenes are looked at again.`;
      });
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-paths" },
      h("h2", { id: "plexsync-paths" }, "Stash and Plex name folders differently"),
      h(
        "p",
        null,
        "Plex has files of the same names in another folder. If that is the same folder, adopt the rule; " +
          "it is added to the setting Path Map."
      ),
      h(
        "ul",
        { className: "plexsync-rules" },
        list.map((one) =>
          h(
            "li",
            { key: one.rule },
            h("code", null, one.rule),
            h("span", null, `would match ${ui.scenes(one.scenes)} seen so far`),
            h(
              ui.ActionButton,
              { action: () => adopt(one.rule), busyText: "Adopting…", variant: "primary" },
              "Adopt rule"
            )
          )
        )
      )
    );
  }

  Object.assign(ui, { adoptRule, Paths });
})();
