"""What each Stash version added to the GraphQL schema, so that older ones can be played.

Names only, compared member by member between the schema of each release
(0.27.2, 0.28.1, 0.29.3, 0.30.1) and the one the stand-in runs on, which is
taken for 0.31. A bare type name means that the whole type came with that
version; ``field(argument)`` means an argument of a field that was there before.
Types of fields that merely changed their name (``CircumcisedEnum``) are not
taken back.
"""

from __future__ import annotations

VERSIONS = ("0.27", "0.28", "0.29", "0.30", "0.31")

NEW_TYPES: dict[str, str] = {
    "0.28": (
        "CustomFieldCriterionInput CustomFieldsInput ScrapeSingleImageInput ScrapedImage "
        "ScrapedImageInput"
    ),
    "0.29": (
        "BasicFile FileFilterType FindFilesResultType FindFoldersResultType "
        "FingerprintFilterInput FolderFilterType ImageFileFilterInput VideoFileFilterInput"
    ),
    "0.30": "BulkSceneMarkerUpdateInput BulkStudioUpdateInput ScrapeSingleTagInput",
    "0.31": "PerformerMergeInput StashIDsCriterionInput",
}

NEW_MEMBERS: dict[str, dict[str, str]] = {
    "0.28": {
        "BulkPerformerUpdateInput": "custom_fields",
        "Mutation": "sceneMarkersDestroy",
        "Performer": "custom_fields",
        "PerformerCreateInput": "custom_fields",
        "PerformerFilterType": "custom_fields",
        "PerformerUpdateInput": "custom_fields",
        "Query": "findSceneMarkers(ids) scrapeImageURL scrapeSingleImage",
        "SceneMarker": "end_seconds",
        "SceneMarkerCreateInput": "end_seconds",
        "SceneMarkerFilterType": "duration",
        "SceneMarkerUpdateInput": "end_seconds",
        "ScrapeContentType": "IMAGE",
        "Scraper": "image",
        "StashID": "updated_at",
        "StashIDInput": "updated_at",
        "Tag": "sort_name",
        "TagCreateInput": "sort_name",
        "TagFilterType": "sort_name",
        "TagUpdateInput": "sort_name",
    },
    "0.29": {
        "BaseFile": "parent_folder zip_file",
        "Folder": "parent_folder zip_file",
        "GalleryFile": "parent_folder zip_file",
        "Group": "performer_count",
        "ImageFile": "format parent_folder zip_file",
        "PerformerFilterType": "groups",
        "Query": "findFile findFiles findFolder findFolders",
        "StashBox": "max_requests_per_minute",
        "StashBoxInput": "max_requests_per_minute",
        "VideoFile": "parent_folder zip_file",
    },
    "0.30": {
        "ConfigDisableDropdownCreate": "gallery",
        "ConfigDisableDropdownCreateInput": "gallery",
        "ConfigGeneralInput": "deleteTrashPath logFileMaxSize",
        "ConfigGeneralResult": "deleteTrashPath logFileMaxSize",
        "ConfigImageLightboxInput": "disableAnimation",
        "ConfigImageLightboxResult": "disableAnimation",
        "ConfigInterfaceInput": "sfwContentMode",
        "ConfigInterfaceResult": "sfwContentMode",
        "CustomFieldsInput": "remove",
        "GalleryFilterType": "files_filter folders_filter",
        "Group": "o_counter",
        "GroupFilterType": "o_counter",
        "ImageFilterType": "files_filter",
        "Mutation": "bulkSceneMarkerUpdate bulkStudioUpdate",
        "Query": "scrapeSingleTag",
        "SceneFilterType": "files_filter",
        "ScrapedStudio": "aliases details tags urls",
        "ScrapedTag": "remote_site_id",
        "SetupInput": "sfwContentMode",
        "StashBoxBatchTagInput": "stash_ids",
        "Studio": "o_counter urls",
        "StudioCreateInput": "urls",
        "StudioUpdateInput": "urls",
        "Tag": "stash_ids",
        "TagCreateInput": "stash_ids",
        "TagFilterType": "stash_id_endpoint",
        "TagUpdateInput": "stash_ids",
    },
    "0.31": {
        "BackupDatabaseInput": "includeBlobs",
        "BulkGalleryUpdateInput": "custom_fields",
        "BulkGroupUpdateInput": "custom_fields date synopsis",
        "BulkImageUpdateInput": "custom_fields",
        "BulkPerformerUpdateInput": "career_end career_start",
        "BulkSceneUpdateInput": "custom_fields",
        "BulkStudioUpdateInput": "organized",
        "CleanMetadataInput": "ignoreZipFileContents",
        "ConfigGeneralInput": (
            "maximumSprites minimumSprites spriteInterval spriteScreenshotSize "
            "useCustomSpriteInterval"
        ),
        "ConfigGeneralResult": (
            "maximumSprites minimumSprites spriteInterval spriteScreenshotSize "
            "useCustomSpriteInterval"
        ),
        "ConfigInterfaceInput": "disableCustomizations",
        "ConfigInterfaceResult": "disableCustomizations",
        "Folder": "basename parent_folders sub_folders",
        "FolderFilterType": "basename",
        "Gallery": "custom_fields",
        "GalleryCreateInput": "custom_fields",
        "GalleryDestroyInput": "destroy_file_entry",
        "GalleryFile": "galleries",
        "GalleryFilterType": "custom_fields parent_folder",
        "GalleryUpdateInput": "custom_fields",
        "GenerateMetadataInput": "galleryIDs imageIDs imagePhashes paths",
        "Group": "custom_fields",
        "GroupCreateInput": "custom_fields",
        "GroupFilterType": "custom_fields scene_count",
        "GroupUpdateInput": "custom_fields",
        "IdentifyMetadataOptions": "performerGenders",
        "IdentifyMetadataOptionsInput": "performerGenders",
        "Image": "custom_fields",
        "ImageDestroyInput": "destroy_file_entry",
        "ImageFile": "images",
        "ImageFilterType": "custom_fields phash_distance",
        "ImageUpdateInput": "custom_fields",
        "ImagesDestroyInput": "destroy_file_entry",
        "Mutation": (
            "destroyFiles performerMerge revealFileInFileManager revealFolderInFileManager "
            "stashBoxBatchTagTag"
        ),
        "Performer": "career_end career_start",
        "PerformerCreateInput": "career_end career_start",
        "PerformerFilterType": (
            "career_end career_start marker_count markers_filter stash_ids_endpoint"
        ),
        "PerformerUpdateInput": "career_end career_start",
        "ScanMetadataInput": "scanGenerateImagePhashes",
        "ScanMetadataOptions": "scanGenerateImagePhashes",
        "Scene": "custom_fields",
        "SceneCreateInput": "custom_fields",
        "SceneDestroyInput": "destroy_file_entry",
        "SceneFilterType": "custom_fields stash_id_count stash_ids_endpoint",
        "SceneUpdateInput": "custom_fields",
        "ScenesDestroyInput": "destroy_file_entry",
        "ScrapedPerformer": "career_end career_start",
        "ScrapedPerformerInput": "career_end career_start",
        "ScrapedTag": "alias_list description parent",
        "Studio": "custom_fields organized",
        "StudioCreateInput": "custom_fields organized",
        "StudioFilterType": "custom_fields group_count groups_filter organized stash_ids_endpoint",
        "StudioUpdateInput": "custom_fields organized",
        "Tag": "custom_fields",
        "TagCreateInput": "custom_fields",
        "TagFilterType": (
            "custom_fields groups_filter markers_filter performers_filter stash_ids_endpoint "
            "studios_filter"
        ),
        "TagUpdateInput": "custom_fields",
        "TagsMergeInput": "values",
        "VideoFile": "scenes",
    },
}
