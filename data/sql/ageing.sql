-- Open exceptions by age and severity.
SELECT
    CASE WHEN age_days <= 7 THEN '0-7' WHEN age_days <= 30 THEN '8-30' WHEN age_days <= 60 THEN '31-60'
         WHEN age_days <= 90 THEN '61-90' ELSE '90+' END AS days,
    count(*) FILTER (severity = 'critical') AS critical,
    count(*) FILTER (severity = 'high') AS high,
    count(*) FILTER (severity = 'medium') AS medium,
    count(*) FILTER (severity = 'low') AS low
FROM exceptions_current
WHERE status <> 'resolved'
GROUP BY days
ORDER BY min(age_days);
