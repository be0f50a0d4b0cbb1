-- Where every landed row of the latest period went.
SELECT feed, source, landed, used, duplicate, quarantined, landed - used - duplicate - quarantined AS difference, lacks
FROM sources
WHERE period = (SELECT max(period) FROM sources)
ORDER BY feed, source;
