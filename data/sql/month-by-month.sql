-- How the list developed: what each period opened, what it resolved, what it left open.
SELECT
    period,
    (SELECT count(*) FROM exception_history h WHERE h.period = e.period AND h.from_status IS NULL) AS new,
    count(*) FILTER (status = 'resolved') AS resolved,
    count(*) FILTER (status <> 'resolved') AS closing
FROM exceptions e
GROUP BY period
ORDER BY period;
