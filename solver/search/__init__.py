"""What all searches share: scores of tilings, incumbents, a first good mapping, and how progress is reported."""
