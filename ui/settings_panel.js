/*
 * Our part of Settings, Plugins: where Plex is, who we are there, which libraries.
 * Every other setting stays as Stash draws it, below ours.
 */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  const OURS = ["plex_url", "plex_token", "plex_libraries"];
  const SIGN_IN_EVERY = 2000;
  /** Looks at plex.tv that may fail in a row; one alone is no reason to give a code up. */
  const HICCUPS = 4;

  /** Stash's own copy of the settings, where there is one (Settings pages, 0.27 and newer). */
  function useStashSettings() {
    const { useSettings } = window.PluginApi.hooks || {};
    return useSettings ? useSettings() : null;
  }

  /** Names in a comma list, as split_list in validation/settings_reader.py reads them. */
  function splitNames(text) {
    const names = [""];
    for (const part of String(text || "").match(/\\*,|\\+|[^\\,]+/g) || []) {
      const slashes = part.length - 1;
      const ends = part.endsWith(",") && slashes % 2 === 0;
      names[names.length - 1] += part.endsWith(",") ? "\\".repeat(slashes / 2) + (ends ? "" : ",") : part;
      if (ends) names.push("");
    }
    return names.map((name) => name.trim()).filter(Boolean);
  }

  /** The other way: backslashes are doubled before a comma only, one of the list's own included. */
  const joinNames = (names) =>
    names
      .map((name) => name.replace(/\\+(?=,)/g, "$&$&").replace(/,/g, "\\,"))
      .reduce((list, name) => (list ? `${list.replace(/\\+$/, "$&$&")}, ${name}` : name), "");
  const sameName = (one, other) => one.trim().toLowerCase() === other.trim().toLowerCase();

  /** An answer that never came, in the form of one of PlexSync's. */
  const failure = (error) => ({ ok: false, error, faults: [] });
  const inWords = (one) => (one.setting ? `${ui.nameOf(one.setting)}: ` : "") + ui.shown(one.message);

  /** A text with its label; `input` is what else its element has, and `children` stand beside it. */
  function Field({ id, label, help, fault, children, ...input }) {
    const element = h("input", {
      id,
      className: "text-input form-control",
      "aria-describedby": `${id}-help${fault ? ` ${id}-fault` : ""}`,
      "aria-invalid": Boolean(fault),
      ...input,
    });
    return h(
      "div",
      { className: `plexsync-field ${fault ? "plexsync-at-fault" : ""}` },
      h("label", { htmlFor: id }, label),
      children ? h("div", { className: "plexsync-token" }, element, children) : element,
      h("div", { id: `${id}-help`, className: "sub-heading" }, help),
      fault && h("div", { id: `${id}-fault`, className: "plexsync-fault", role: "alert" }, ui.shown(fault))
    );
  }

  function SignIn({ onToken }) {
    const [pin, setPin] = useState(null);
    const [notice, say] = useState(null);
    // The code that is being waited for: none after a cancel, or once the panel is gone.
    const wanted = React.useRef(null);
    // As of now: what was typed while the code was waited for is saved along with the token.
    const latest = React.useRef(onToken);
    latest.current = onToken;
    React.useEffect(() => () => void (wanted.current = null), []);

    function end(news) {
      wanted.current = null;
      setPin(null);
      say(news);
    }

    async function wait(started) {
      let failed = 0;
      while (wanted.current === started) {
        await new Promise((wake) => window.setTimeout(wake, SIGN_IN_EVERY));
        if (wanted.current !== started) return;
        const found = await ui.operation("plex_pin_check");
        if (wanted.current !== started) return;
        failed = found.state === "failed" ? failed + 1 : 0;
        if (found.state === "done") {
          await latest.current(found.token);
          end({ kind: "good", text: "Signed in. The token is saved." });
        } else if (found.state === "expired") {
          end({ kind: "bad", text: "The code has expired. Sign in again for a new one." });
        } else if (failed >= HICCUPS) {
          end({ kind: "bad", text: found.message });
        }
      }
    }

    async function start() {
      say(null);
      try {
        const found = await ui.operation("plex_pin_start");
        if (!found.ok) {
          say({ kind: "bad", text: found.message });
          return;
        }
        wanted.current = found;
        setPin(found);
        wait(found).catch((error) => wanted.current === found && end({ kind: "bad", text: error.message }));
      } catch (error) {
        say({ kind: "bad", text: error.message });
      }
    }

    const cancel = async () => end({ kind: "good", text: "Signing in was cancelled; nothing changed." });
    return h(
      "div",
      { className: "plexsync-sign-in" },
      // One button throughout, so that the keyboard's focus stays where it was.
      h(
        ui.ActionButton,
        { action: pin ? cancel : start, busyText: pin ? undefined : "Asking plex.tv…", type: "button" },
        pin ? "Cancel signing in" : "Sign in with Plex"
      ),
      h(
        "div",
        { role: "status" },
        pin &&
          h(
            "p",
            null,
            "On any device, open ",
            h(ui.Away, { href: pin.link }, "plex.tv/link"),
            ", sign in as the server's owner and enter the code ",
            h("strong", { className: "plexsync-code" }, pin.code),
            ". This page notices by itself."
          )
      ),
      h(ui.Notice, { notice })
    );
  }

  /** `tested` are the names that a test of the connection has just brought, null without one. */
  function Libraries({ settings, chosen, onChange, version, tested }) {
    const [found, setFound] = useState(null);
    const ready = Boolean(settings.plex_url && settings.plex_token);
    React.useEffect(() => {
      let current = true;
      if (!ready) {
        setFound(null);
        return undefined;
      }
      // What could not be listed before is no word about these settings.
      setFound((before) => (before && before.ok ? before : null));
      ui.operation("libraries", { settings }).then(
        (answer) => current && setFound(answer),
        (error) => current && setFound({ ok: false, message: error.message, libraries: [] })
      );
      return () => void (current = false);
    }, [ready, version]);

    if (!ready) {
      return h("p", { className: "plexsync-quiet" }, "Shown once the address and the token are set.");
    }
    if (!found) return h("p", { className: "plexsync-quiet" }, "Asking Plex for its libraries…");
    const listed = found.ok
      ? found.libraries
      : tested && tested.map((name) => ({ name, kind: "movie", folders: [] }));
    if (!listed) {
      return h("p", { className: "plexsync-quiet" }, "They are listed as soon as the connection works.");
    }
    const lost = chosen.filter((name) => !listed.some((one) => sameName(one.name, name)));
    const rows = [
      ...listed,
      ...lost.map((name) => ({ name, kind: "lost", folders: [] })),
    ];
    function toggle(name, ticked) {
      const others = chosen.filter((known) => !sameName(known, name));
      onChange(ticked ? [...others, name] : others);
    }
    return h(
      "fieldset",
      { className: "plexsync-libraries" },
      h("legend", { className: "sr-only" }, "Libraries to sync into"),
      rows.map((library, place) => {
        const id = `plexsync-library-${place}`;
        return h(
          "div",
          { className: "custom-control custom-checkbox", key: library.name },
          h("input", {
            type: "checkbox",
            className: "custom-control-input",
            id,
            checked: chosen.some((name) => sameName(name, library.name)),
            onChange: (event) => toggle(library.name, event.target.checked),
          }),
          h(
            "label",
            { className: "custom-control-label", htmlFor: id },
            library.name,
            h(
              "span",
              { className: "plexsync-quiet" },
              library.kind === "lost" ? " not in Plex" : ` ${library.folders.join(", ")}`
            )
          )
        );
      }),
      h(
        "p",
        { className: "sub-heading" },
        chosen.length
          ? "Only the ticked ones are searched."
          : "None is ticked: every movie and other-videos library is searched."
      )
    );
  }

  /**
   * Saves some settings; gives the map as it is then. Stash keeps a copy of its own, and would
   * write the old one back with the next change.
   */
  ui.useSave = () => {
    const stash = useStashSettings();
    return async (changes) => {
      const whole = await ui.saveSettings(changes);
      if (stash && stash.savePluginSettings) stash.savePluginSettings(ui.ID, whole);
      return whole;
    };
  };

  /** The settings as Stash has them by now, other rows' changes included. */
  ui.useSaved = () => {
    const stash = useStashSettings();
    return (stash && stash.plugins[ui.ID]) || {};
  };

  /** `onFaults` is told of what a test found at settings that are not the panel's own. */
  function ConnectionPanel({ onFaults }) {
    const stash = useStashSettings();
    const stored = stash ? stash.plugins[ui.ID] || {} : null;
    const saveSettings = ui.useSave();
    const [settings, setSettings] = useState(stored);
    const [draft, setDraft] = useState({});
    const [result, setResult] = useState(null);
    // Kept apart: that something was saved takes nothing from what a test has found.
    const [saving, setSaving] = useState(null);
    const [version, setVersion] = useState(0);

    const place = React.useRef(null);
    ui.useFocusKept(place);

    React.useEffect(() => {
      ui.readSettings().then(setSettings, (error) => setResult(failure(error)));
      // Stash's page of plugins is long, and whoever followed a link came for this part of it.
      if (window.location.hash === `#${ui.ANCHOR}`) {
        place.current.scrollIntoView();
        place.current.focus({ preventScroll: true });
      }
    }, []);

    const saved = settings || {};
    // Other rows of this page save through Stash; theirs is the newer word on those.
    const current = Object.assign({}, saved, stored || {}, pick(saved, OURS), draft);
    const changed = Object.keys(draft).some((key) => (draft[key] || "") !== (saved[key] || ""));

    function pick(from, keys) {
      return Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]]));
    }

    async function save(changes) {
      setSettings(await saveSettings(changes));
      // What was typed meanwhile stays.
      setDraft((now) => Object.fromEntries(Object.entries(now).filter(([key, text]) => text !== draft[key])));
      setVersion((count) => count + 1);
      // Page and tab tell of the Plex that was spoken to last: let it be the one of these settings.
      ui.operation("test_connection").catch(() => undefined);
    }

    const onSave = () =>
      ui.told(setSaving, async () => {
        await save(draft);
        return "Saved. PlexSync takes it up within seconds.";
      });

    const outcome = React.useRef(null);
    React.useEffect(() => {
      const found = result && !result.ok ? result.faults : [];
      onFaults(found.filter((one) => one.setting && !OURS.includes(one.setting)));
    }, [result]);
    React.useEffect(() => {
      // At the setting at fault, else right below the buttons, which may be the window's edge.
      if (!result) return;
      const at = place.current.querySelector(".plexsync-at-fault") || outcome.current;
      at.scrollIntoView({ block: "nearest" });
    }, [result]);

    /** Tries settings, or what is saved where none are given: the page learns of that one. */
    async function test(settingsToTry) {
      setSaving(null);
      try {
        setResult(await ui.operation("test_connection", settingsToTry ? { settings: settingsToTry } : {}));
        setVersion((count) => count + 1);
      } catch (error) {
        setResult(failure(error));
      }
    }

    async function adopt(rule) {
      try {
        const pathMap = await ui.adoptRule(rule);
        await save({ ...draft, path_map: pathMap });
        await test();
      } catch (error) {
        setResult(failure(error));
      }
    }

    const fault = (setting) => {
      const mine = result && !result.ok && result.faults.find((one) => one.setting === setting);
      return mine ? mine.message : null;
    };
    // What has no field of ours is said below the buttons.
    const elsewhere =
      result && !result.ok && result.faults.filter((one) => !OURS.includes(one.setting)).map(inWords);
    const edit = (key) => (event) => setDraft({ ...draft, [key]: event.target.value });

    return h(
      "div",
      {
        className: "plexsync plexsync-settings setting",
        id: ui.ANCHOR,
        ref: place,
        role: "group",
        "aria-label": "Connection to Plex",
        tabIndex: -1,
      },
      h(
        "form",
        {
          onSubmit: (event) => {
            event.preventDefault();
            if (changed) onSave();
          },
        },
        h(Field, {
          id: "plexsync-url",
          label: "Plex URL",
          help:
            "Address of Plex as seen from the machine or container that Stash runs in, such as " +
            "http://192.168.1.10:32400. In a container, localhost is the container itself.",
          fault: fault("plex_url"),
          type: "url",
          value: current.plex_url || "",
          placeholder: "http://192.168.1.10:32400",
          spellCheck: false,
          onChange: edit("plex_url"),
        }),
        h(
          Field,
          {
            id: "plexsync-token",
            label: "Plex Token",
            help: "Of the server's owner; shared and managed users can read, not edit.",
            fault: fault("plex_token"),
            type: "password",
            autoComplete: "new-password",
            value: current.plex_token || "",
            placeholder: "not set",
            onChange: edit("plex_token"),
          },
          h(SignIn, { onToken: (token) => save({ ...draft, plex_token: token }) })
        ),
        h(
          "div",
          { className: `plexsync-field ${fault("plex_libraries") ? "plexsync-at-fault" : ""}` },
          h("div", { className: "plexsync-label" }, "Plex Libraries"),
          h(Libraries, {
            settings: current,
            chosen: splitNames(current.plex_libraries),
            version,
            tested: result && result.ok ? result.libraries : null,
            onChange: (names) => setDraft({ ...draft, plex_libraries: joinNames(names) }),
          }),
          fault("plex_libraries") &&
            h("div", { className: "plexsync-fault", role: "alert" }, ui.shown(fault("plex_libraries")))
        ),
        h(
          "div",
          { className: "plexsync-toolbar" },
          h(
            ui.ActionButton,
            {
              action: () => {
                setResult(null);
                return test(changed ? current : null);
              },
              busyText: "Testing…", size: "md",
              type: "button",
            },
            "Test connection"
          ),
          h(
            "button",
            { type: "submit", className: "btn btn-primary", "aria-disabled": !changed || undefined },
            "Save"
          )
        ),
        h(
          "div",
          { ref: outcome, className: "plexsync-outcome" },
          h(ui.Notice, { notice: saving }),
          h(ui.Notice, {
            id: "plexsync-result",
            notice:
              result && result.ok
                ? { kind: "good", text: result.message }
                : elsewhere && elsewhere.length
                  ? { kind: "bad", text: elsewhere.join(" ") }
                  : null,
          }),
          h(ui.Problem, { error: result && result.error }),
          result &&
            result.rule &&
            h(
              "p",
              { className: "plexsync-rules" },
              h("code", null, result.rule),
              h(
                ui.ActionButton,
                { action: () => adopt(result.rule), busyText: "Adopting…", variant: "primary", type: "button" },
                "Adopt rule"
              )
            )
        )
      )
    );
  }

  ui.ConnectionPanel = ConnectionPanel;
  ui.OURS = OURS;
})();
