-- Seats that may be given back, by product, reason and currency, to the cent.
SELECT product, reason, currency, count(*) AS seats, sum(annual_amount) AS a_year, min(decide_by) AS decide_by
FROM reclaim_candidates
GROUP BY product, reason, currency
ORDER BY product, reason, currency;
