-- Which step of the lifecycle lets most defects through.
SELECT process, count(*) AS open, count(DISTINCT rule) AS rules, count(DISTINCT subject) AS subjects
FROM exceptions_current
WHERE status <> 'resolved'
GROUP BY process
ORDER BY open DESC, process;
