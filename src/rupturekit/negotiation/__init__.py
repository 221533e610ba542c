"""Claims and answers over agency and communion between two people, after a formal model of their negotiation."""
