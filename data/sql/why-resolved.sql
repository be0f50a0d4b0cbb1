-- Why exceptions ended: only `fixed` is somebody's success.
SELECT period, why, count(*) AS exceptions
FROM exception_history
WHERE to_status = 'resolved'
GROUP BY period, why
ORDER BY period, exceptions DESC, why;
