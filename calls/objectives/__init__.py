"""What is promised of a month, whether it was kept, and what was lost: for the page and the monthly report."""
