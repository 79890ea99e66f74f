/*
 * Every setting by its group among the settings, and what each is called on the screen.
 * A setting that is in none of these groups fails tests/test_manifest.py.
 */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;

  /** In the order of the screen; `folded` are those that few people need. */
  ui.GROUPS = [
    { title: "Where the files are", settings: ["plex_url", "plex_token", "plex_libraries", "path_map"] },
    {
      title: "More about the connection",
      folded: true,
      settings: ["plex_skip_tls_verify", "plex_connect_timeout", "plex_read_timeout"],
    },
    {
      title: "What is synced",
      settings: [
        "sync_fields",
        "only_organized",
        "exclude_tags",
        "title_template",
        "studio_name",
        "content_rating",
      ],
    },
    { title: "Tags", settings: ["tag_rules"] },
    {
      title: "Collections",
      folded: true,
      settings: [
        "studio_collection_prefix",
        "parent_studio_collection_prefix",
        "group_collection_prefix",
        "performer_collection_prefix",
        "plain_collections",
      ],
    },
    {
      title: "From Plex to Stash",
      folded: true,
      settings: ["plays_to_stash", "plays_of_all_accounts", "ratings_to_stash"],
    },
    {
      title: "Care",
      folded: true,
      settings: ["overwrite_plex_edits", "scan_missing", "redact_logs"],
    },
  ];

  /** Names that are not simply their keys in words. */
  const SHOWN = { only_organized: "Only Organized Scenes" };

  /** The name of a setting as Stash shows it: "plex_url" is "Plex URL". */
  function nameOf(key) {
    const word = (part) =>
      /^(url|tls)$/.test(part) ? part.toUpperCase() : part.charAt(0).toUpperCase() + part.slice(1);
    return SHOWN[key] || key.split("_").map(word).join(" ");
  }

  const KEYS = new RegExp(`\\b(?:${ui.GROUPS.flatMap((group) => group.settings).join("|")})\\b`, "g");

  /** A text of PlexSync's with its settings called as on the screen. */
  const shown = (text) => String(text).replace(KEYS, nameOf);

  Object.assign(ui, { nameOf, shown });
})();
