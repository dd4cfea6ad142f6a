/** What the form keeps beside the databases: words that were begun, and which surveys were shown. */
export const DRAFT_NOTE = 'graysync.feedback.draft'
export const SURVEYS_NOTE = 'graysync.survey'
