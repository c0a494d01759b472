"""The openai package of Python, as it is: its asynchronous Realtime client, and the HTTP calls."""

import asyncio
import base64
import logging
import os
import sys
import unittest

from openai import AsyncOpenAI, BadRequestError, OpenAI

KEY = "sk-of-no-meaning"  # a sori without keys takes any
LOCAL = {"api_key": KEY, "base_url": os.environ["SORI_URL"] + "/v1", "max_retries": 0}
SCRIPTED = {**LOCAL, "api_key": os.environ["SORI_TOOLS_KEY"], "base_url": os.environ["SORI_TOOLS_URL"] + "/v1"}
RATE = 24_000  # Hz, of 16 bits
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
# What one answer consists of, in the order in which it has to come.
ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
UTTERANCE = [
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "response.created",
]


class Conversation(unittest.IsolatedAsyncioTestCase):
    def in_order(self, events, order):
        """Sees that one of each comes, the first of each behind the first of the one before."""
        types = [e.type for e in events]
        places = [types.index(kind) for kind in order]
        self.assertEqual(places, sorted(places), types)

    async def until(self, connection, kind):
        """Gives the events up to one of a type."""
        events = []

        async def collect():
            async for event in connection:
                events.append(event)
                if event.type == kind:
                    return

        try:
            await asyncio.wait_for(collect(), 20)
        except asyncio.TimeoutError:
            self.fail(f"no {kind} within 20 s: {[e.type for e in events]}")
        self.assertEqual(events[-1].type, kind, [e.type for e in events])
        self.assertEqual(len({e.event_id for e in events}), len(events))
        return events

    async def sounds_like(self, client, events, pattern):
        """Sees that what was said says what it says."""
        pcm = b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
        said = "".join(e.delta for e in events if e.type == "response.output_audio_transcript.delta")
        self.assertRegex(said, pattern)
        heard = await client.audio.transcriptions.create(model="whisper-1", file=("reply.wav", wav(pcm)))
        self.assertRegex(heard.text, pattern)

    async def ask(self, connection, text):
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        )
        await connection.response.create()

    async def test_voice_in_voice_out_then_text_in_and_an_error(self):
        client = AsyncOpenAI(**LOCAL)
        speech = client.audio.speech.with_streaming_response
        async with speech.create(model="tts-1", voice="alloy", input="What is nine times eleven?", response_format="pcm") as answer:
            question = b"".join([part async for part in answer.iter_bytes()])
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
            )
            sound = question + bytes(RATE * 2 * 3 // 2)
            for at in range(0, len(sound), RATE // 5):
                await connection.input_audio_buffer.append(audio=base64.b64encode(sound[at : at + RATE // 5]).decode())
                await asyncio.sleep(0.012)
            events = await self.until(connection, "response.done")
            self.assertEqual(events[-1].response.status, "completed")
            heard = next(e for e in events if e.type == "conversation.item.input_audio_transcription.completed")
            self.assertRegex(heard.transcript, r"(?i)(nine|9) times (eleven|11)")
            self.in_order(events, UTTERANCE)
            self.in_order(events[[e.type for e in events].index("response.created") :], ANSWER)
            await self.sounds_like(client, events, r"(?i)99|ninety[- ]nine")

            await self.ask(connection, "What is two plus two?")
            events = await self.until(connection, "response.done")
            self.in_order(events[[e.type for e in events].index("response.created") :], ANSWER)
            await self.sounds_like(client, events, r"(?i)\b(4|four|for)\b")

            # What is wrong is told, and the session lives on.
            await connection.response.cancel(event_id="mine")
            error = (await self.until(connection, "error"))[-1].error
            self.assertEqual((error.code, error.event_id), ("response_cancel_not_active", "mine"))
            await connection.conversation.item.retrieve(item_id=heard.item_id)
            retrieved = (await self.until(connection, "conversation.item.retrieved"))[-1].item
            self.assertEqual((retrieved.role, retrieved.content[0].transcript), ("user", heard.transcript))

    async def test_a_function_is_called(self):
        client = AsyncOpenAI(**SCRIPTED)
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(session={"type": "realtime", "tools": [WEATHER]})
            await self.ask(connection, "How is the weather in Paris?")
            events = await self.until(connection, "response.done")
            call = events[-1].response.output[0]
            self.assertEqual((call.type, call.name, call.arguments), ("function_call", "get_weather", '{"city":"Paris"}'))
            await connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call.call_id, "output": "sunny and warm"}
            )
            await connection.response.create()
            events = await self.until(connection, "response.done")
            await self.sounds_like(client, events, r"(?i)sunny and warm")


class Calls(unittest.TestCase):
    def test_models_and_chat(self):
        client = OpenAI(**LOCAL)
        self.assertIn("sori", [m.id for m in client.models.list()])
        chunks = client.chat.completions.create(
            model="gpt-4o", stream=True, messages=[{"role": "user", "content": "What is fifteen percent of eighty?"}]
        )
        text = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
        self.assertGreater(len(text), 1)
        self.assertRegex("".join(text), r"(?i)twelve")
        with self.assertRaises(BadRequestError) as raised:
            client.chat.completions.create(model="gpt-4o", messages=[])
        self.assertEqual(raised.exception.param, "messages")

    def test_speech_and_transcriptions(self):
        client = OpenAI(**LOCAL)
        request = {"model": "tts-1", "voice": "alloy", "input": "The train leaves at noon.", "response_format": "wav"}
        with client.audio.speech.with_streaming_response.create(**request) as answer:
            parts = list(answer.iter_bytes(4096))
        self.assertGreater(len(parts), 1)
        speech = b"".join(parts)
        self.assertEqual(speech[:4], b"RIFF")
        heard = client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", speech))
        self.assertRegex(heard.text, r"(?i)train leaves at noon")
        with client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("speech.wav", speech), stream=True) as stream:
            events = list(stream)
        self.assertEqual(events[-1].type, "transcript.text.done")
        self.assertEqual("".join(e.delta for e in events[:-1]), events[-1].text)

    def test_a_client_secret(self):
        secret = OpenAI(**LOCAL).realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
        self.assertRegex(secret.value, "^ek_")
        self.assertEqual(secret.session.instructions, "Be brief.")


def wav(pcm):
    """A WAV file of RATE, 16 bits, mono."""
    head = b"RIFF" + (36 + len(pcm)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") * 2 + RATE.to_bytes(4, "little") + (2 * RATE).to_bytes(4, "little")
    return head + (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + len(pcm).to_bytes(4, "little") + pcm


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # else it tells of each slow step of a busy machine
    unittest.main(argv=[sys.argv[0]], verbosity=2)
