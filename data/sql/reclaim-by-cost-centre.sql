-- What each cost centre could give back, in reporting currency.
SELECT coalesce(cost_center, 'none') AS cost_center, count(*) AS seats, sum(annual_value) AS annual_value,
       count(*) FILTER (annual_value IS NULL) AS unvalued
FROM reclaim_candidates
GROUP BY 1
ORDER BY annual_value DESC NULLS LAST, 1;
