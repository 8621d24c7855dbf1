"""What each intent is called when the assistant asks a person what was meant.

Only intents that stand on their own are here; an answer such as "yes" is never offered.
"""

from __future__ import annotations

TITLES = {
    "view_salary": "See my salary",
    "view_next_pay_date": "See the next pay day",
    "view_payslip": "See a payslip",
    "view_tax_withholding": "See my tax withholding",
    "view_tax_form": "See my wage tax statement",
    "view_leave_balance": "See how much leave I have left",
    "view_leave_taken": "See the leave I have taken",
    "request_leave": "Request leave",
    "view_leave_status": "See the status of my leave requests",
    "withdraw_leave": "Take back a leave request",
    "view_next_holiday": "See the next public holiday",
    "view_health_cover": "See my health cover",
    "change_health_plan": "Change my health plan",
    "transfer_retirement_plan": "Move a retirement plan",
    "view_personal_details": "See my address and account",
    "change_bank_account": "Change the bank account for my pay",
    "change_address": "Change my home address",
    "view_colleague_salary": "See a colleague's salary",
    "view_salary_bands": "See the salary bands",
    "view_team_leave": "See my team's leave",
    "approve_leave": "Approve a leave request",
    "look_up_person": "Look up a person",
    "reset_second_factor": "Reset my second factor",
    "report_security_incident": "Report a security incident",
    "view_sessions": "See where I am signed in",
    "sign_out_everywhere": "Sign out everywhere",
    "view_stored_data": "See what is stored about me",
    "export_stored_data": "Export what is stored about me",
    "erase_stored_data": "Erase what is stored about me",
    "end_conversation": "End this conversation",
    "speak_to_person": "Speak to a person",
    "ask_hr_topic": "Ask the HR desk something else",
    "act_for_somebody": "Do something for a colleague",
    "need_support": "Get support",
    "ask_capabilities": "See what I can do",
}
