"""Words that every room shares: errors, settings, ids, the clock and durable writes."""
