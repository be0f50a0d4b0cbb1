-- Contract lines by the day until which notice can be given, and what may be given back of each.
SELECT r.decide_by, r.contract_id, r.line_no, p.vendor, p.product, p.quantity, count(*) AS seats,
       sum(r.annual_amount) AS a_year, r.currency
FROM reclaim_candidates r JOIN entitlement_positions p USING (contract_id, line_no)
WHERE r.decide_by IS NOT NULL
GROUP BY ALL
ORDER BY r.decide_by, r.contract_id, r.line_no;
