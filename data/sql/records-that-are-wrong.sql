-- Every register entry that a source contradicts, and in what; with the devices that are on no entry.
SELECT device, asset_class, status, custodian_id, endpoint_user_id, location, scanned_at, existence_right,
    custodian_right, location_right, status_right
FROM devices
WHERE "right" = false OR NOT on_register
ORDER BY asset_class, device;
