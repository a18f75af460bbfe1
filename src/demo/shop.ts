import { categoryOf } from './categories.js';
import type { Customer, Product } from './demo-day.js';
import { segmentOf } from './normalise.js';
import { randomFor } from './random.js';

/** What the generated shop sells: an article and its lowest price in pence. */
const ARTICLES: readonly (readonly [name: string, pence: number])[] = [
  ['HEART T-LIGHT HOLDER', 145], ['LUNCH BAG', 165], ['JUMBO SHOPPER', 195], ['TEA CUP AND SAUCER', 295],
  ['MUG', 125], ['CAKE TINS SET OF 3', 495], ['GIFT WRAP', 42], ['BIRTHDAY CARD', 29],
  ['CUSHION COVER', 375], ['PHOTO FRAME', 265], ['ALARM CLOCK', 375], ['LANTERN', 325],
  ['PLAYHOUSE', 495], ['SKIPPING ROPE TOY', 85], ['BEAD NECKLACE', 255], ['WATERING CAN FOR THE GARDEN', 495],
  ['PLANT POT', 125], ['DOORMAT', 695], ['NOTEBOOK', 85], ['CHRISTMAS BAUBLE', 65],
  ['HAND WARMER', 185], ['DRAWER KNOB', 125], ['PICNIC BASKET', 1495], ['WRITING SET', 165],
];

const STYLES: readonly string[] = [
  'WHITE HANGING', 'RED SPOTTY', 'VINTAGE', 'PINK POLKADOT', 'UNION JACK', 'REGENCY', 'WOODLAND', 'BLUE GINGHAM', 'IVORY KNITTED', 'RETROSPOT',
  'CREAM CUPID', 'STRAWBERRY', 'PARISIENNE', 'SKULL', 'DAISY', 'FOLKART', 'MINT', 'RUSTIC', 'SMALL GLASS', 'LARGE ENAMEL',
];

const FIRST_NAMES: readonly string[] = [
  'Amelia', 'Oliver', 'Isla', 'George', 'Ava', 'Noah', 'Mia', 'Arthur', 'Ivy', 'Leo', 'Zoë', 'Jürgen', 'Élodie', 'Søren', 'Łucja', 'Inês',
  'Matteo', 'Sanna', 'Yuki', 'Aoife', 'Priya', 'Omar',
];

const LAST_NAMES: readonly string[] = [
  'Hartley', 'Okafor', 'Byrne', "O'Neill", 'Müller', 'Lefèvre', 'Nilsson', 'Kowalska', 'Silva', 'Rossi', 'Tanaka', 'Patel', 'Haddad', 'Whitcombe',
  'Ashdown', 'Pryce', 'Lindqvist', 'De Vries',
];

const BUSINESS_FORMS = { business: '& Co', wholesale: 'Trading Ltd' } as const;

/** Countries of the shop's customers, the home market as often as it should be picked. */
const COUNTRIES: readonly string[] = [
  ...Array.from({ length: 30 }, () => 'United Kingdom'),
  'Germany', 'Germany', 'France', 'France', 'EIRE', 'EIRE', 'Spain', 'Netherlands', 'Belgium', 'Switzerland', 'Portugal', 'Norway', 'Japan',
];

const CUSTOMERS = 1_200;
const FIRST_CUSTOMER = 12_346;

/** The catalog of the generated shop: the same on every day. */
export const SHOP_PRODUCTS: readonly Product[] = STYLES.flatMap((style, styleIndex) =>
  ARTICLES.map(([article, pence], articleIndex) => {
    const name = `${style} ${article}`;
    const number = 20_000 + articleIndex * 37 + Math.floor(styleIndex / 4) * 1_009;
    return {
      // Variants of one article share a number, as in a real catalog: 20037A, 20037B, …
      stock_code: `${number}${'ABCD'.charAt(styleIndex % 4)}`,
      name,
      category: categoryOf(name),
      list_price: pounds(pence + styleIndex * 10),
    };
  }),
);

/** The customers of the generated shop: the same on every day. */
export const SHOP_CUSTOMERS: readonly Customer[] = shopCustomers();

function shopCustomers(): Customer[] {
  const random = randomFor('shop/customers');
  return Array.from({ length: CUSTOMERS }, (_, index) => {
    const customerId = String(FIRST_CUSTOMER + index * 3);
    const segment = segmentOf(customerId);
    const lastName = random.pick(LAST_NAMES);
    const name = segment === 'consumer' ? `${random.pick(FIRST_NAMES)} ${lastName}` : `${lastName} ${BUSINESS_FORMS[segment]}`;
    return { customer_id: customerId, name, country: random.pick(COUNTRIES), segment };
  });
}

/** `255` is `2.55`. */
export function pounds(pence: number): string {
  return `${Math.floor(pence / 100)}.${String(pence % 100).padStart(2, '0')}`;
}
