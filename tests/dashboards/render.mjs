// node render.mjs < steps.json: opens dashboards in Chromium, clicks, and says what the page said.
//
// A step is {url, click, picture}: an address to open or a text to click on (the last one of the
// page), and where to put a picture. The answer is a list of {errors, opened, searches, address,
// text, panels}, one for each step; panels are the widths of the panels.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const QUIET = 1500;
const PATIENCE = 60000;
const { browser: executablePath, width, steps } = JSON.parse(readFileSync(0, 'utf8'));

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width, height: 900 }, timezoneId: 'UTC' });
let errors = [];
let opened = [];
let searches = [];
let pending = 0;
let lastRequest = Date.now();

// What is opened in a new tab is not loaded: its address is the answer.
await context.route('**/app/**', (route) => {
    opened.push(route.request().url());
    return route.fulfill({ status: 200, contentType: 'text/plain', body: '' });
});

context.setDefaultTimeout(PATIENCE);
const page = await context.newPage();
page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
page.on('pageerror', (error) => errors.push(String(error)));
page.on('request', (request) => {
    pending += 1;
    const search = new URLSearchParams(request.postData() ?? '').get('search');
    if (search) {
        searches.push(search);
    }
});
for (const end of ['requestfinished', 'requestfailed']) {
    page.on(end, () => {
        pending -= 1;
        lastRequest = Date.now();
    });
}

async function settle() {
    const limit = Date.now() + PATIENCE;
    do {
        await page.waitForTimeout(200);
    } while ((pending > 0 || Date.now() - lastRequest < QUIET) && Date.now() < limit);
}

const answers = [];
for (const step of steps) {
    errors = [];
    opened = [];
    searches = [];
    lastRequest = Date.now();
    if (step.url) {
        if (page.url() === 'about:blank') {
            await page.goto(step.url);
        }
        await page.evaluate((address) => window.openDashboard(address), step.url);
    }
    if (step.click) {
        await page.getByText(step.click, { exact: true }).last().click();
    }
    await settle();
    // The grid measures itself when it is mounted, which may be before it has a width.
    await page.evaluate(() => window.dispatchEvent(new Event('resize')));
    await page.waitForTimeout(300);
    if (step.picture) {
        await page.screenshot({ path: step.picture, fullPage: true });
    }
    const text = await page.evaluate(() => document.body.innerText);
    const panels = await page.$$eval('[data-test="viz-item"]', (items) =>
        Object.fromEntries(items.map((item) => [item.dataset.id, item.clientWidth]))
    );
    answers.push({ errors, opened, searches, address: page.url(), text, panels });
}
await browser.close();
process.stdout.write(JSON.stringify(answers));
