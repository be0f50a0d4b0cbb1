-- What may be acted on: every asset class and product of the latest period, the least trustworthy first.
SELECT asset_class, kind, state, round(100 * accuracy, 1) AS accuracy_percent, checked, records, why
FROM trust
WHERE period = (SELECT max(period) FROM trust)
ORDER BY list_position(['DISTRUSTED', 'UNPROVEN', 'WATCH', 'TRUSTED'], state), kind, asset_class;
