-- Everything that was ever open about one asset; put its tag in place of the subquery.
SELECT period, rule, status, severity, since_on, age_days, value, remedy
FROM exceptions
WHERE subject = (SELECT min(subject) FROM exceptions WHERE subject_type = 'asset')
ORDER BY period, rule;
