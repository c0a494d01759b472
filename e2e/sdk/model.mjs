// A language model that follows a script, as an OpenAI-compatible server: it
// calls a tool where it is asked for the weather, tells a long story, repeats
// what it said first, counts what it was told, and otherwise says what it read.
import { createServer } from 'node:http';

const story = 'Once upon a time there was an old lighthouse on a rock far out in the sea. Every evening its keeper climbed the stairs and lit the lamp. '
  + 'Ships came from distant lands and went to distant lands, and none of them was ever lost. One winter a storm came that lasted for nine days. '
  + 'The keeper did not sleep, and the lamp did not go out. When the sea was calm again, a small boat lay at the foot of the tower.';

function reply({ messages, tools }) {
  const last = messages.at(-1);
  const said = messages.filter((m) => m.role === 'user');
  if (last.role === 'tool') return { text: `The answer is ${last.content}.` };
  const text = last.content ?? '';
  if (/weather/i.test(text) && tools?.length) return { call: { name: tools[0].function.name, arguments: '{"city":"Paris"}' } };
  if (/^repeat/i.test(text)) return { text: messages.find((m) => m.role === 'assistant').content };
  if (/story/i.test(text)) return { text: story };
  if (/how many/i.test(text)) return { text: `You have told me ${said.length} things.` };
  return { text: `You said: ${text}` };
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (d) => (body += d));
  request.on('end', () => {
    if (!request.url.endsWith('/chat/completions')) {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"object":"list","data":[{"id":"script","object":"model"}]}');
      return;
    }
    const { text, call } = reply(JSON.parse(body));
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const send = (delta, finish = null) => response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    if (call) {
      send({ role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: call.name, arguments: '' } }] });
      send({ tool_calls: [{ index: 0, function: { arguments: call.arguments } }] });
      send({}, 'tool_calls');
    } else {
      for (const word of text.match(/\S+\s*/g) ?? []) send({ content: word });
      send({}, 'stop');
    }
    response.end('data: [DONE]\n\n');
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
