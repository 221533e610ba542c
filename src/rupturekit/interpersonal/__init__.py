"""The interpersonal plane: where behaviour stands between affiliation and control, and what angles say."""
