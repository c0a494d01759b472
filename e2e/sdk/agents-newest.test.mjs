import * as library from '@openai/agents-realtime';

import { conforms } from './agents.mjs';

conforms('@openai/agents-realtime', library);
