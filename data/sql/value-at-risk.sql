-- What the open exceptions are worth: one line a kind, because kinds are never added up; a subject counts once.
SELECT value_kind, count(*) AS subjects, count(*) FILTER (value IS NULL) AS unvalued, sum(value) AS value
FROM (
    SELECT value_kind, subject, max(value) AS value
    FROM exceptions_current
    WHERE status <> 'resolved' AND value_kind IS NOT NULL AND value_kind <> 'view'
    GROUP BY value_kind, subject
)
GROUP BY value_kind
ORDER BY value DESC NULLS LAST;
