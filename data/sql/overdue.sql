-- What should have been settled by the end of the latest period, and whose it is.
SELECT e.owner, e.rule, e.subject, e.due_on, s.as_of::DATE - e.due_on AS days_late
FROM exceptions_current e, (SELECT max(as_of) AS as_of FROM sources) s
WHERE e.status IN ('open', 'acknowledged', 'in_progress') AND e.due_on < s.as_of::DATE
ORDER BY days_late DESC, e.exception_id;
