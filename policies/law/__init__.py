"""What licences, laws and the organisation's own rules forbid."""
