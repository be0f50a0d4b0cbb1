-- Which rules could not judge all their subjects in the latest period, and why.
SELECT rule, population, unknown, not_evaluated, reason
FROM rule_runs
WHERE period = (SELECT max(period) FROM rule_runs) AND (unknown > 0 OR not_evaluated > 0 OR reason IS NOT NULL)
ORDER BY not_evaluated DESC, unknown DESC, rule;
