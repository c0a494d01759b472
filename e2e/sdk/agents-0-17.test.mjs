import * as library from 'agents-realtime-0-17';

import { conforms } from './agents.mjs';

conforms('agents-realtime-0-17', library);
